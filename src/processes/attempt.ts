import type { Milestone } from './lifecycle/types.ts';

/** A start that may be waited for: each promise settles when the start has come so far, or has failed. */
export interface Attempt extends Readonly<Record<Milestone, Promise<void>>> {
  reach(milestone: Milestone): void;
  /** What was not reached fails with this. */
  fail(error: Error): void;
}

export function createAttempt(): Attempt {
  const all = { spawned: Promise.withResolvers<void>(), running: Promise.withResolvers<void>(), ready: Promise.withResolvers<void>() };
  const each = Object.values(all);
  for (const { promise } of each) promise.catch(() => undefined); // nobody need wait for it
  return {
    spawned: all.spawned.promise,
    running: all.running.promise,
    ready: all.ready.promise,
    reach: (milestone) => all[milestone].resolve(),
    fail: (error) => {
      for (const { reject } of each) reject(error);
    },
  };
}
