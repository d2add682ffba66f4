/** Many may hold it together, or one alone; who waits to be alone goes before those who come later. */
export interface SharedLock {
  shared<T>(fn: () => Promise<T>): Promise<T>;
  alone<T>(fn: () => Promise<T>): Promise<T>;
}

export function createSharedLock(): SharedLock {
  const holders = new Set<Promise<unknown>>();
  /** The last of those who want to be alone. */
  let alone: Promise<unknown> | undefined;
  return {
    async shared(fn) {
      while (alone) await alone;
      const work = fn();
      holders.add(work);
      try {
        return await work;
      } finally {
        holders.delete(work);
      }
    },
    async alone(fn) {
      const before = alone;
      const work = Promise.allSettled([before, ...holders]).then(fn);
      const done = work.then(
        () => undefined,
        () => undefined,
      );
      alone = done;
      try {
        return await work;
      } finally {
        if (alone === done) alone = undefined;
      }
    },
  };
}
