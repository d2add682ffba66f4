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

/** Says once that a collector does not take what it is sent, and once that it takes all of it again: an outage is two lines, however long. */
export function createCollectorWatch(logger: Pick<Logger, 'warn' | 'info'>): CollectorWatch {
  const failing = new Set<string>();
  let said = false;
  const note = (signal: string, { code, error }: Result): void => {
    if (code === success) failing.delete(signal);
    else failing.add(signal);
    if (code !== success && !said) {
      said = true;
      logger.warn({ signal, error }, 'the collector does not take what it is sent: it is tried again, and what finds no room is dropped');
    } else if (said && failing.size === 0) {
      said = false;
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
