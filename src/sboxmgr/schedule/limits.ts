import type { Clock } from '../../kernel/clock.ts';

/** After its time a run is asked to end, and killed when it does not within this. */
const graceMs = 2_000;

/** How a run is ended before its own end. */
export interface Limits {
  readonly ask: AbortSignal;
  readonly kill: AbortSignal;
  /** Whether it was ended because of its time. */
  late(): boolean;
  stop(): void;
}

/** Starts the time of a run; `signal` ends it early, in the same way. */
export function startLimits(clock: Clock, timeoutMs: number, signal: AbortSignal): Limits {
  const [ask, kill] = [new AbortController(), new AbortController()];
  let late = false;
  let cancelKill = (): void => {};
  const over = (): void => {
    if (ask.signal.aborted) return;
    ask.abort();
    cancelKill = clock.after(graceMs, () => kill.abort(new Error('killed')));
  };
  const cancelTimeout = clock.after(timeoutMs, () => {
    late = true;
    over();
  });
  signal.addEventListener('abort', over, { once: true });
  if (signal.aborted) over();
  return {
    ask: ask.signal,
    kill: kill.signal,
    late: () => late,
    stop() {
      cancelTimeout();
      cancelKill();
      signal.removeEventListener('abort', over);
    },
  };
}
