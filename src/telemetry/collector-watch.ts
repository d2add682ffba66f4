import type { Clock } from '../kernel/clock.ts';
import type { Logger } from './types.ts';

interface Result {
  readonly code: number;
  readonly error?: Error | undefined;
}

interface Exporter {
  export(items: never, done: (result: Result) => void): void;
}

/** `ExportResultCode.SUCCESS` */
const success = 0;

export interface CollectorWatch {
  /** The same exporter, of which it is noted how its exports end. */
  watch<E extends Exporter>(signal: string, exporter: E): E;
}

/** A kind that is seldom sent (lines of a quiet agent) is well again when nothing has failed for so long. */
const quietMs = 300_000;

/** Says once that a collector does not take what it is sent, and once that it takes all of it again: an outage is two lines, however long. */
export function createCollectorWatch(logger: Pick<Logger, 'warn' | 'info'>, clock: Pick<Clock, 'monotonicMs'>): CollectorWatch {
  const failing = new Set<string>();
  let said = false;
  let failedMs = 0;
  const note = (signal: string, { code, error }: Result): void => {
    const nowMs = clock.monotonicMs();
    if (code === success) failing.delete(signal);
    else {
      failing.add(signal);
      failedMs = nowMs;
    }
    if (code !== success && !said) {
      said = true;
      logger.warn({ signal, error }, 'the collector does not take what it is sent: it is tried again, and what finds no room is dropped');
    } else if (said && (failing.size === 0 || nowMs - failedMs >= quietMs)) {
      said = false;
      failing.clear();
      logger.info({ signal }, 'the collector takes what it is sent again');
    }
  };
  return {
    watch(signal, exporter) {
      const send = exporter.export.bind(exporter);
      return Object.assign(exporter, {
        export: (items: never, done: (result: Result) => void) =>
          send(items, (result) => {
            note(signal, result);
            done(result);
          }),
      });
    },
  };
}
