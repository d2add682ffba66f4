import type { LogEntry } from './types.ts';

const maxEntries = 4000;
const maxChars = 4 << 20;

/** The newest entries of all sources, shared by all who follow: what has fallen out is read from the files. */
export interface Ring {
  push(entry: LogEntry): void;
  /** Every entry with a greater seq is in the ring. */
  floor(): number;
  /** Entries after a seq that match, at most `limit`, and where the look ended. */
  after(seq: number, matches: (entry: LogEntry) => boolean, limit: number): { readonly entries: LogEntry[]; readonly cursor: number };
}

export function createRing(start: number): Ring {
  let entries: LogEntry[] = [];
  let chars = 0;
  let floor = start;
  const shrink = (): void => {
    let drop = 0;
    // Down to three quarters at once: moving the array for each line would cost more than the line.
    while (entries.length - drop > (maxEntries * 3) / 4 || chars > (maxChars * 3) / 4) {
      const oldest = entries[drop];
      if (oldest === undefined) break;
      chars -= oldest.message.length;
      floor = oldest.seq;
      drop += 1;
    }
    entries = entries.slice(drop);
  };
  return {
    push(entry) {
      entries.push(entry);
      chars += entry.message.length;
      if (entries.length > maxEntries || chars > maxChars) shrink();
    },
    floor: () => floor,
    after(seq, matches, limit) {
      const found: LogEntry[] = [];
      let cursor = seq;
      for (let index = firstAfter(entries, seq); index < entries.length && found.length < limit; index++) {
        const entry = entries[index];
        if (entry === undefined) break;
        cursor = entry.seq;
        if (matches(entry)) found.push(entry);
      }
      return { entries: found, cursor };
    },
  };
}

function firstAfter(entries: readonly LogEntry[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
