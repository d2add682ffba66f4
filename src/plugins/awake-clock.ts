import type { Clock } from '../kernel/clock.ts';

/**
 * Time during which the agent could have heard a plugin. Where the agent itself was stopped (a suspended machine, SIGSTOP, a long
 * stall), that time does not count: nobody falls ill because we were deaf.
 */
export interface AwakeClock {
  nowMs(): number;
  /** To be called every `tickMs`; what is far beyond that was no time. */
  tick(): void;
}

/** A tick this much later than due is still our own slowness. */
const patienceMs = 250;

export function createAwakeClock(clock: Clock, tickMs: number): AwakeClock {
  let deafMs = 0;
  let lastTickMs = clock.monotonicMs();
  const lost = (): number => Math.max(0, clock.monotonicMs() - lastTickMs - tickMs - patienceMs);
  return {
    nowMs: () => clock.monotonicMs() - deafMs - lost(),
    tick() {
      deafMs += lost();
      lastTickMs = clock.monotonicMs();
    },
  };
}
