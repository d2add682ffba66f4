import { entryBytes, messageBytes } from './entry-size.ts';
import type { LogEntry } from './types.ts';

const maxEntries = 4000;
const maxChars = 4 << 20;
/** Of one message. */
const maxPage = 500;

/** The newest entries of all sources, shared by all who follow: what has fallen out is read from the files. */
export interface Ring {
  push(entry: LogEntry): void;
  /** Every entry with a greater seq is in the ring. */
  floor(): number;
  /** Entries after a seq that match, at most as many as one message carries, where the look ended, and whether that is the end. */
  after(
    seq: number,
    matches: (entry: LogEntry) => boolean,
  ): { readonly entries: LogEntry[]; readonly cursor: number; readonly done: boolean };
}

/** `fellOut` is told of every entry that is in the ring no longer. */
export function createRing(start: number, fellOut: (entry: LogEntry) => void = () => {}): Ring {
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
    const gone = entries.slice(0, drop);
    entries = entries.slice(drop);
    for (const entry of gone) fellOut(entry);
  };
  return {
    push(entry) {
      entries.push(entry);
      chars += entry.message.length;
      if (entries.length > maxEntries || chars > maxChars) shrink();
    },
    floor: () => floor,
    after(seq, matches) {
      const found: LogEntry[] = [];
      let cursor = seq;
      let bytes = 0;
      for (let index = firstAfter(entries, seq); index < entries.length && found.length < maxPage; index++) {
        const entry = entries[index];
        if (entry === undefined) break;
        if (matches(entry)) {
          bytes += entryBytes(entry);
          if (found.length > 0 && bytes > messageBytes) break;
          found.push(entry);
        }
        cursor = entry.seq;
      }
      return { entries: found, cursor, done: cursor >= (entries.at(-1)?.seq ?? 0) };
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
