import type { Clock } from './clock.ts';

const over = new Error('it was settled');

/**
 * Waits for a promise, but no longer than `ms`: answers whether it was settled by then. Its failure is its own: it is not thrown
 * here. Leaves no timer behind, so that nothing that waited keeps the program alive.
 */
export async function within(clock: Pick<Clock, 'sleep'>, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = new AbortController();
  const done = promise.then(
    () => true,
    () => true,
  );
  const late = clock.sleep(ms, settled.signal).then(
    () => false,
    () => false,
  );
  const result = await Promise.race([done, late]);
  settled.abort(over); // a reason of its own would be a DOMException, with its stack, for nobody
  return result;
}
