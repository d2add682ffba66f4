import type { Clock } from '../kernel/clock.ts';

/** A read that fails because no descriptor is left is tried again for so long. */
const longestMs = 10_000;
const pauseMs = 50;

/** Reads until reading is possible: nothing may be called gone because nobody could look. Throws in the end what `read` threw. */
export async function retryWhileExhausted<T>(clock: Clock, read: () => Promise<T> | T): Promise<T> {
  const began = clock.monotonicMs();
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (clock.monotonicMs() - began > longestMs) throw error;
      await clock.sleep(pauseMs);
    }
  }
}
