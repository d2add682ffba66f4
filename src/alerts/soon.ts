import type { Clock } from '../kernel/clock.ts';

/** Calls `fn` at once, but not twice within `gapMs`: what comes in between is one call at its end. */
export function createSoon(fn: () => void, gapMs: number, clock: Clock): { ask(): void; stop(): void } {
  let lastMs = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let stopped = false;
  const call = (): void => {
    cancel = undefined;
    lastMs = clock.monotonicMs();
    fn();
  };
  return {
    ask() {
      if (stopped || cancel) return;
      const waitMs = lastMs + gapMs - clock.monotonicMs();
      if (waitMs <= 0) call();
      else cancel = clock.after(waitMs, call);
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
