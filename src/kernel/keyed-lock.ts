/** Runs what has the same key one after the other, in the order of the calls; different keys do not wait for each other. */
export interface KeyedLock {
  run<T>(key: string, fn: () => Promise<T>): Promise<T>;
  /** Keys that are held or waited for. */
  size(): number;
}

export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>();
  return {
    size: () => tails.size,
    async run(key, fn) {
      const before = tails.get(key);
      const mine = before === undefined ? fn() : before.then(fn, fn);
      const tail = mine.catch(() => {});
      tails.set(key, tail);
      try {
        return await mine;
      } finally {
        if (tails.get(key) === tail) tails.delete(key);
      }
    },
  };
}
