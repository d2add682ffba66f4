import type { Clock } from '../kernel/clock.ts';

/** For how long the servers have been reached without a break: who has not been there itself cannot say of others that they were away. */
export interface Reach {
  /** They have just answered. */
  reached(): void;
  /** They have not, or the connection was lost. */
  interrupted(): void;
  forMs(): number;
}

/** An answer that comes later than this after the one before, counted in heartbeats, ends what was one stretch: the machine may have slept. */
const longestGap = 1.25;

export function createReach(clock: Clock, heartbeatMs: number): Reach {
  let stretch: { readonly sinceMs: number; lastMs: number } | undefined;
  return {
    reached() {
      const nowMs = clock.monotonicMs();
      if (stretch === undefined || nowMs - stretch.lastMs > longestGap * heartbeatMs) stretch = { sinceMs: nowMs, lastMs: nowMs };
      else stretch.lastMs = nowMs;
    },
    interrupted() {
      stretch = undefined;
    },
    forMs: () => (stretch === undefined ? 0 : stretch.lastMs - stretch.sinceMs),
  };
}
