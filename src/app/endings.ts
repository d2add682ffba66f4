import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { Logger } from '../telemetry/index.ts';

/** A part of the agent and how it is ended. */
export type Ending = readonly [part: string, end: () => unknown];

/** What does not end by then is left behind: nothing may hold up the end of the daemon. */
const partDeadlineMs = 25_000;

/** Ends all parts in order; one that fails, or does not end, is logged and does not keep the rest from ending. */
export async function endAll(
  endings: readonly Ending[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  for (const [part, end] of endings) {
    try {
      const ended = Promise.resolve(end());
      if (!(await within(clock, partDeadlineMs, ended))) logger.error({ part }, 'a part does not end, and is left behind');
      else await ended;
    } catch (error) {
      logger.error({ part, err: error }, 'a part did not end well');
    }
  }
}
