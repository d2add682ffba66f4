/**
 * The daemon's signals, held from the first moment of the program: one that comes while it starts is not lost and does not kill it.
 * Loaded before everything else, so it imports nothing.
 */
export interface Signals {
  /** Whether somebody asked for the end. */
  leaving(): boolean;
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly ended: Promise<void>;
  /** What SIGHUP does from now on; one that came before is acted upon at once. */
  onReload(reload: () => void): void;
}

/** A second SIGTERM or SIGINT ends the program at once, with 0, whatever hangs. */
export function holdSignals(): Signals {
  const { promise, resolve } = Promise.withResolvers<void>();
  let leaving = false;
  let reload: (() => void) | undefined;
  let wanted = false;
  const leave = (): void => {
    if (leaving) process.exit(0);
    leaving = true;
    resolve();
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  process.on('SIGHUP', () => {
    if (reload === undefined) wanted = true;
    else reload();
  });
  return {
    leaving: () => leaving,
    ended: promise,
    onReload(fn) {
      reload = fn;
      if (wanted) fn();
      wanted = false;
    },
  };
}
