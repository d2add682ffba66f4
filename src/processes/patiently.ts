import type { Clock } from '../kernel/clock.ts';

/** A look that fails because no descriptor is left is tried again this long. */
const patienceMs = 10_000;
const pauseMs = 50;

/** Looks until looking is possible: nothing may be called gone because nobody could look. Throws in the end what the look threw. */
export async function patiently<T>(clock: Clock, look: () => Promise<T> | T): Promise<T> {
  const began = clock.monotonicMs();
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (clock.monotonicMs() - began > patienceMs) throw error;
      await clock.sleep(pauseMs);
    }
  }
}
