/** Moments that are told apart within a window; what lies closer together is counted together. */
const grains = 1000;

/** Counts what happened within the last so many milliseconds, exact to a thousandth of it, in memory that has a bound. */
export interface Window {
  /** Later ones usually come later, but need not. */
  add(atMs: number): void;
  count(nowMs: number): number;
}

interface Bucket {
  fromMs: number;
  toMs: number;
  n: number;
}

export function createWindow(windowMs: number): Window {
  const widthMs = windowMs / grains;
  /** Oldest first; two that follow each other begin at least a width apart. */
  const buckets: Bucket[] = [];
  let total = 0;
  return {
    add(atMs) {
      total += 1;
      const after = buckets.findLastIndex(({ fromMs }) => fromMs <= atMs);
      const before = buckets[after];
      const next = buckets[after + 1];
      if (before && (atMs <= before.toMs || atMs - before.fromMs < widthMs)) {
        before.toMs = Math.max(before.toMs, atMs);
        before.n += 1;
      } else if (next && next.toMs - atMs < widthMs) {
        next.fromMs = atMs;
        next.n += 1;
      } else buckets.splice(after + 1, 0, { fromMs: atMs, toMs: atMs, n: 1 });
    },
    count(nowMs) {
      for (let first = buckets[0]; first && nowMs - first.toMs >= windowMs; first = buckets[0]) {
        total -= first.n;
        buckets.shift();
      }
      return total;
    },
  };
}
