import type { Journal, StoredEvent } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import type { RuleSet } from './rule-set.ts';

/** Events that are looked at for the windows after a restart; as many as the journal keeps by default. */
const lookBackEvents = 100_000;
const pageEvents = 1000;
const retryMs = 1000;
const progressEveryMs = 60_000;

/** Reads the journal for the rules that count events; while there are none it holds no watch. */
export interface EventReader {
  /** The rules have changed. */
  refresh(): void;
  /** Whether what is counted is whole: after a restart the windows are filled from the journal first. */
  ready(): boolean;
  stop(): Promise<void>;
}

export interface EventReaderOptions {
  readonly journal: Pick<Journal, 'list' | 'watch' | 'stats'>;
  readonly rules: Pick<RuleSet, 'offer' | 'windowMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when an event was counted. */
  readonly counted: () => void;
}

export function createEventReader(options: EventReaderOptions): EventReader {
  const { journal, rules, clock, logger } = options;
  let ending: AbortController | undefined;
  let running: Promise<void> = Promise.resolve();
  let filled = rules.windowMs() === 0;
  let stopped = false;

  /** Goes on where it was when the journal cannot be read for a moment, and from now where that is gone. */
  const follow = async (signal: AbortSignal): Promise<void> => {
    let cursor: number | undefined = journal.stats().lastRevision;
    while (!signal.aborted) {
      try {
        if (!filled) await fill(options, cursor ?? 0, signal);
        filled = true;
        for await (const item of journal.watch({ ...(cursor !== undefined && { afterRevision: cursor }), progressEveryMs, signal })) {
          cursor = item.revision;
          if (item.kind === 'gap') logger.warn({ count: item.count }, 'alert rules missed events that were removed before they were read');
          if (item.kind === 'events') take(item.events);
        }
      } catch (error) {
        logger.warn({ err: error }, 'the journal cannot be read for alert rules; it is tried again');
        if ((error as { code?: unknown }).code === 'out_of_range') cursor = undefined;
        await clock.sleep(retryMs, signal).catch(() => {});
      }
    }
  };
  const take = (events: readonly StoredEvent[]): void => {
    const atMs = clock.monotonicMs();
    let counted = false;
    for (const event of events) counted = rules.offer(event, atMs) || counted;
    if (counted) options.counted();
  };
  const halt = async (): Promise<void> => {
    ending?.abort();
    ending = undefined;
    await running;
  };
  return {
    refresh() {
      if (stopped) return;
      const wanted = rules.windowMs() > 0;
      if (!wanted) {
        ending?.abort();
        ending = undefined;
        filled = true;
      } else if (ending === undefined) {
        const mine = new AbortController();
        ending = mine;
        running = running.then(() => follow(mine.signal));
      }
    },
    ready: () => filled,
    async stop() {
      stopped = true;
      await halt();
    },
  };
}

/** Offers what is in the journal up to `upTo` and not older than the longest window, newest first; ages are told by when each came in. */
async function fill({ journal, rules, clock }: EventReaderOptions, upTo: number, signal: AbortSignal): Promise<void> {
  const windowMs = rules.windowMs();
  const nowMs = clock.monotonicMs();
  const wallMs = clock.wallMs();
  const ageOf = ({ ingestTime }: StoredEvent): number => Math.max(0, wallMs - ingestTime.seconds * 1000 - ingestTime.nanos / 1e6);
  let cursor: number | undefined = upTo + 1;
  for (let seen = 0; cursor !== undefined && seen < lookBackEvents && !signal.aborted; seen += pageEvents) {
    const page: Awaited<ReturnType<Journal['list']>> = await journal.list({ order: 'desc', pageSize: pageEvents, cursor });
    const young = page.events.filter((event) => ageOf(event) < windowMs);
    for (const event of young) rules.offer(event, nowMs - ageOf(event));
    cursor = young.length === page.events.length ? page.nextCursor : undefined;
  }
}
