import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: NonNullable<typeof globalThis.gc> | undefined;

/**
 * Gives back what the heap of this thread holds and does not use: the collection that V8 keeps for when memory runs out, the only one that
 * shrinks the young generation. It takes tens of milliseconds, in which the thread does nothing else.
 */
export function collectGarbage(): void {
  if (gc === undefined) {
    // Late, for it changes the flags of V8 (see src/app/memory.ts).
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  }
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
