import type { Journal, NewEvent } from '../../events/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import { logSource } from './output.ts';

/** Events go to the journal in groups of at most so many. */
const batchEvents = 100;

export interface EventQueue {
  push(event: NewEvent): void;
  /** Resolves when all that was pushed is stored or lost. Never rejects. */
  drained(): Promise<void>;
  /** How many the journal refused. */
  lost(): number;
}

/** Events of a run on their way to the journal, in order; their number is bounded by what a run may write. */
export function createEventQueue({
  publisher,
  logger,
}: {
  readonly publisher: Pick<Journal, 'publish'>;
  readonly logger: Logger;
}): EventQueue {
  let waiting: NewEvent[] = [];
  let lost = 0;
  let running: Promise<void> | undefined;
  /** One bad event must not take the others of its group with it. */
  const publish = async (batch: readonly NewEvent[]): Promise<void> => {
    try {
      await publisher.publish(batch, { source: logSource });
    } catch (error) {
      if (batch.length > 1) {
        for (const event of batch) await publish([event]);
        return;
      }
      lost += 1;
      logger.warn({ err: error, type: batch[0]?.type }, 'an event of a run of sboxmgr was not stored');
    }
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchEvents);
      waiting = waiting.slice(batchEvents);
      await publish(batch);
    }
    running = undefined;
  };
  return {
    push(event) {
      waiting.push(event);
      running ??= Promise.resolve().then(drain);
    },
    drained: () => running ?? Promise.resolve(),
    lost: () => lost,
  };
}
