import { decode, type StoredEntry, seqAt } from './entry.ts';
import type { From } from './entry-blocks.ts';

/** The entries of one block, decoded one by one as they are asked for: what is passed over costs nothing but its bytes. */
export interface BlockLines {
  /** The next entry without taking it; undefined at the end. */
  head(): StoredEntry | undefined;
  take(): void;
}

const newline = 10;

export function blockLines(bytes: Buffer, source: string, { order, edge }: From): BlockLines {
  let at = order === 'asc' ? 0 : bytes.length;
  let entry: StoredEntry | undefined;
  /** Start and end of the next line; undefined at the end. */
  const line = (): readonly [number, number] | undefined => {
    if (order === 'asc') {
      const end = bytes.indexOf(newline, at);
      return at >= bytes.length ? undefined : [at, end < 0 ? bytes.length : end];
    }
    if (at <= 0) return undefined;
    const end = bytes[at - 1] === newline ? at - 1 : at;
    return [end === 0 ? 0 : bytes.lastIndexOf(newline, end - 1) + 1, end];
  };
  const beyond = (seq: number): boolean => (order === 'asc' ? seq > edge : seq < edge);
  return {
    head() {
      while (entry === undefined) {
        const next = line();
        if (next === undefined) return undefined;
        const [start, end] = next;
        at = order === 'asc' ? end + 1 : start;
        // A line that is not whole (power was lost) has no seq, or does not decode.
        if (beyond(seqAt(bytes, start))) entry = decode(bytes.toString('utf8', start, end), source);
      }
      return entry;
    },
    take() {
      entry = undefined;
    },
  };
}
