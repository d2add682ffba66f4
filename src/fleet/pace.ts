import type { Clock } from '../kernel/clock.ts';

/** Lets at most `perSecond` pass a second, and what was not used up to one second's worth at once. */
export function createPace(perSecond: number, clock: Clock): (signal: AbortSignal) => Promise<void> {
  let tokens = perSecond;
  let lastMs = clock.monotonicMs();
  return async (signal) => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(perSecond, tokens + ((nowMs - lastMs) * perSecond) / 1000);
    lastMs = nowMs;
    tokens -= 1;
    if (tokens < 0) await clock.sleep((-tokens * 1000) / perSecond, signal);
  };
}
