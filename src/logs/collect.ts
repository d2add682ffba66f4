import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Redact } from './clean.ts';
import { createHeldLines } from './held-lines.ts';
import { wakeOnOutput } from './output-wakeups.ts';
import { type CollectOptions, createRunReader } from './run-reader.ts';
import { createRunMasker } from './secret-values.ts';
import type { Collection } from './types.ts';
import type { Writer } from './writer.ts';

export interface RunningCollection extends Collection {
  /** The agent stops, the process goes on: all whole lines are stored, a half one is left for the next agent. */
  stop(): Promise<void>;
}

interface Context {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redact: Redact;
  readonly options: CollectOptions;
}

/** Follows the spools of one run. Never throws: what cannot be read is logged once and tried again. */
export function collect({ writer, clock, logger, redact, options }: Context): RunningCollection {
  const held = createHeldLines();
  const reader = createRunReader({ writer, clock, logger, options, hold: held.push, masker: createRunMasker(redact, options.secrets) });
  let warned = false;
  let again = false;
  let working: Promise<void> | undefined;
  let ending: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    do {
      again = false;
      try {
        await reader.round();
      } catch (error) {
        if (!warned) logger.warn({ error, source: options.source }, 'the output of a process cannot be read');
        warned = true;
      }
    } while (again);
    working = undefined;
  };
  /** Resolves after a round that began after the call. */
  const read = (): Promise<void> => {
    again = true;
    working ??= work();
    return working;
  };
  const paths = [options.stdoutPath, options.stderrPath];
  const stopWaking = wakeOnOutput({ paths, read, isIdle: reader.isIdle, isOwed: reader.isOwed }, clock);
  const end = async (forget: boolean): Promise<void> => {
    stopWaking();
    await read();
    await reader.close(forget);
  };
  return {
    drain: () => (ending ??= end(true)),
    stop: () => (ending ??= end(false)),
    lastLines: held.last,
    onLine: held.onLine,
  };
}
