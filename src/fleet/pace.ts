import type { Clock } from '../kernel/clock.ts';

/** Lets at most `perSecond` pass a second, and what was not used up to one second's worth at once. */
export function createPace(perSecond: number, clock: Clock): (count: number, signal: AbortSignal) => Promise<void> {
  let tokens = perSecond;
  let lastMs = clock.monotonicMs();
  return async (count, signal) => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(perSecond, tokens + ((nowMs - lastMs) * perSecond) / 1000);
    lastMs = nowMs;
    tokens -= count;
    if (tokens < 0) await clock.sleep((-tokens * 1000) / perSecond, signal);
  };
}
