import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import type { CompactArgs, CompactResult } from './journal-procedures.ts';
import type { JournalStats } from './types.ts';

/** How much of the past is kept; what is over any of the three goes, oldest first. */
export interface Retention {
  readonly ageMs: number;
  readonly bytes: number;
  readonly count: number;
}

export interface RetentionOptions {
  readonly retention: Retention;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ageMs: () => number;
  readonly stats: () => JournalStats;
  readonly compact: (args: CompactArgs) => Promise<CompactResult>;
  readonly removed: (result: CompactResult) => void;
}

export interface Sweeper {
  setRetention(retention: Retention): void;
  /** One sweep, until nothing is over. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

const sweepEveryMs = 1000;
/** Removed in one transaction: few enough that a publisher hardly waits for it. */
const chunkEvents = 1000;

export function createSweeper(options: RetentionOptions): Sweeper {
  const { clock, logger, ageMs, stats, compact, removed } = options;
  let { retention } = options;
  let running: Promise<void> | undefined;
  let stopped = false;
  /** Age of the oldest event that is kept; undefined while it is not known. */
  let oldestAgeMs: number | undefined;
  /** Whether the store has to be asked: an idle agent leaves it asleep. */
  const isOver = ({ count, bytes }: JournalStats): boolean =>
    count > retention.count || bytes > retention.bytes || oldestAgeMs === undefined || oldestAgeMs < ageMs() - retention.ageMs;
  const sweepOnce = async (): Promise<void> => {
    let more = true;
    while (more && !stopped) {
      const now = stats();
      const { count, bytes } = now;
      if (count === 0) oldestAgeMs = undefined;
      if (count === 0 || !isOver(now)) return;
      const result = await compact({
        beforeAgeMs: ageMs() - retention.ageMs,
        overCount: Math.max(0, count - retention.count),
        overBytes: Math.max(0, bytes - retention.bytes),
        chunk: chunkEvents,
      });
      removed(result);
      oldestAgeMs = result.oldestAgeMs;
      more = result.more;
    }
  };
  const sweep = (): Promise<void> => {
    running ??= sweepOnce()
      .catch((error: unknown) => {
        logger.debug({ err: error }, 'old events could not be removed; it is tried again');
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const stopTimer = clock.every(sweepEveryMs, () => void sweep());
  return {
    setRetention(next) {
      retention = next;
    },
    sweep,
    async stop() {
      stopped = true;
      stopTimer();
      await running;
    },
  };
}
