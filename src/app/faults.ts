import type { Clock } from '../kernel/clock.ts';
import { createNote, type NotedHealth } from '../kernel/note.ts';
import type { Logger } from '../telemetry/index.ts';

/**
 * What nobody caught: a promise that failed without a reader, an error out of a timer or a listener. None of them ends the daemon
 * without a word. While it starts, one ends it with one line and exit code 70; afterwards a failed promise makes the component `agent`
 * DEGRADED, and an error that was thrown through the event loop, after which nothing is certain, ends the daemon in good order with 70.
 */
export interface Faults {
  readonly health: () => NotedHealth;
  /** From here on the daemon serves. */
  serving(options: { readonly logger: Logger; readonly end: () => void }): void;
}

/** `fatal` ends the program while it starts. */
export function catchFaults(clock: Clock, fatal: (error: unknown) => void): Faults {
  const note = createNote(clock);
  let serving: { readonly logger: Logger; readonly end: () => void } | undefined;
  process.on('unhandledRejection', (error) => {
    if (serving === undefined) return fatal(error);
    serving.logger.error({ error }, 'a task failed and nobody waited for it');
    note.note(`A task of the agent failed (${oneLine(error)}): restart it when it suits, and report this.`);
  });
  process.on('uncaughtException', (error) => {
    if (serving === undefined) return fatal(error);
    serving.logger.fatal({ error }, 'a fault of the agent: it ends');
    serving.end();
  });
  return {
    health: note.health,
    serving(options) {
      serving = options;
    },
  };
}

/** An error and where it was made, on one line. */
export function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error).split('\n', 1).join('');
  const [, place] = /\bat .*?([^/\s(]+:\d+):\d+\)?$/m.exec(error.stack ?? '') ?? [];
  const message = error.message.replaceAll(/\s*\n\s*/g, ' ');
  return place === undefined ? message : `${message} (${place})`;
}
