import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { within } from '../kernel/within.ts';
import type { Logger } from '../telemetry/types.ts';
import type { MeasuredEvent } from './record.ts';
import type { Receipt } from './types.ts';

/** Events of the agent itself on their way to the disk: in order, tried again until it takes them, within a bound. */
export interface Emitter {
  emit(event: MeasuredEvent): void;
  waiting(): number;
  /** Resolves when what was emitted before this call has left the backlog; also when the disk refuses, or all stops. */
  written(): Promise<void>;
  /** Tries what waits once more, for at most `ms`; what is left then is counted as dropped. */
  stop(ms: number): Promise<void>;
}

export interface EmitterOptions {
  readonly append: (events: readonly MeasuredEvent[]) => Promise<readonly Receipt[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dropped: (count: number, reason: 'backlog_full' | 'refused' | 'stopped') => void;
}

export const backlogEvents = 10_000;
const batchEvents = 256;
const retryMs = 500;

export function createEmitter({ append, clock, logger, dropped }: EmitterOptions): Emitter {
  const backlog: MeasuredEvent[] = [];
  let running: Promise<void> | undefined;
  const stopping = new AbortController();
  let stopped: Promise<void> | undefined;
  /** How many have left the backlog, and the attempt that is next to be over. */
  let left = 0;
  let refused = false;
  let attempt = Promise.withResolvers<void>();

  const leave = (count: number): void => {
    backlog.splice(0, count);
    left += count;
  };
  const attempted = (failed: boolean): void => {
    refused = failed;
    attempt.resolve();
    attempt = Promise.withResolvers();
  };
  const drain = async (): Promise<void> => {
    while (backlog.length > 0) {
      const batch = backlog.slice(0, batchEvents);
      try {
        await append(batch);
        leave(batch.length);
        attempted(false);
      } catch (error) {
        if (stopping.signal.aborted) return attempted(true);
        if (!passes(error)) {
          logger.error({ err: error, events: batch.length, type: batch[0]?.event.type }, 'events of the agent were refused by the journal');
          dropped(batch.length, 'refused');
          leave(batch.length);
          attempted(false);
          continue;
        }
        attempted(true);
        await clock.sleep(retryMs, stopping.signal).catch(() => {});
      }
    }
  };
  const kick = (): void => {
    running ??= drain().finally(() => {
      running = undefined;
      if (backlog.length > 0 && !stopping.signal.aborted) kick();
    });
  };

  const stop = async (ms: number): Promise<void> => {
    if (running !== undefined) await within(clock, ms, running);
    stopping.abort();
    if (backlog.length > 0) dropped(backlog.length, 'stopped');
  };

  return {
    emit(event) {
      if (backlog.length >= backlogEvents || stopping.signal.aborted)
        return dropped(1, stopping.signal.aborted ? 'stopped' : 'backlog_full');
      backlog.push(event);
      kick();
    },
    waiting: () => backlog.length,
    async written() {
      const goal = left + backlog.length;
      while (left < goal && !refused) await attempt.promise;
    },
    stop: (ms) => (stopped ??= stop(ms)),
  };
}

/** A bad disk and an overload pass; anything else would fail again. */
function passes(error: unknown): boolean {
  return error instanceof AgentError && ['JOURNAL_FULL', 'JOURNAL_UNAVAILABLE', 'INGEST_OVERLOADED'].includes(error.reason);
}
