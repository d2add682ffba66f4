import type { Clock } from '../../src/kernel/clock.ts';

/** Time that a test turns on; both clocks begin at `startMs` and go together, unless the wall clock is set. */
export function bentClock(startMs = 0): { readonly clock: Clock; advance(ms: number): void; setWall(ms: number): void } {
  let now = startMs;
  let offset = 0;
  const timers = new Set<{ at: number; readonly everyMs: number | undefined; readonly fn: () => void }>();
  const add = (ms: number, fn: () => void, everyMs?: number): (() => void) => {
    const timer = { at: now + ms, everyMs, fn };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const clock: Clock = {
    wallMs: () => now + offset,
    monotonicMs: () => now,
    after: (ms, fn) => add(ms, fn),
    every: (ms, fn) => add(ms, fn, ms),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancel = add(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason);
        });
      }),
  };
  return {
    clock,
    setWall(ms) {
      offset = ms - now;
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        if (timer.everyMs === undefined) timers.delete(timer);
        else timer.at = now + timer.everyMs;
        timer.fn();
      }
    },
  };
}
