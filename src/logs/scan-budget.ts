/**
 * How many sources may be read at the same time by all who list: each holds a block of its lines. A scan of more than there are places waits until it
 * is alone; others wait their turn, first come, first served.
 */
export interface ScanBudget {
  /** Resolves when there is room; answers how to give it back. Throws the reason of a signal that fires while it waits. */
  take(sources: number, signal: AbortSignal | undefined): Promise<() => void>;
}

/** A block and what hangs on it is some 100 KiB. */
const places = 192;

interface Waiting {
  readonly wanted: number;
  admit(): void;
}

export function createScanBudget(total = places): ScanBudget {
  let free = total;
  let waiting: Waiting[] = [];
  const admitNext = (): void => {
    for (let [first] = waiting; first !== undefined && first.wanted <= free; [first] = waiting) {
      waiting = waiting.slice(1);
      free -= first.wanted;
      first.admit();
    }
  };
  return {
    async take(sources, signal) {
      signal?.throwIfAborted();
      const wanted = Math.min(Math.max(1, sources), total);
      const admitted = Promise.withResolvers<void>();
      const mine: Waiting = { wanted, admit: admitted.resolve };
      const leave = (): void => {
        if (!waiting.includes(mine)) return;
        waiting = waiting.filter((other) => other !== mine);
        admitted.reject(signal?.reason);
        admitNext();
      };
      waiting.push(mine);
      signal?.addEventListener('abort', leave, { once: true });
      admitNext();
      try {
        await admitted.promise;
      } finally {
        signal?.removeEventListener('abort', leave);
      }
      return () => {
        free += wanted;
        admitNext();
      };
    },
  };
}
