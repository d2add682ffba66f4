import { cutBytes, lastState, maxMessageBytes } from './clean.ts';

const newline = 10;

export interface RawLine {
  readonly bytes: Buffer;
  readonly truncated: boolean;
  /** The line has not ended. */
  readonly partial: boolean;
  /** Position behind the line within all that was fed. */
  readonly end: number;
  /** The rest of the line is skipped. */
  readonly skip: boolean;
}

/** Cuts a stream of bytes into lines; holds at most one message's worth of a line that has not ended. */
export interface LineSplitter {
  /** `position` is that of the chunk's first byte. Stops behind the `maxLines`-th line; `used` bytes of the chunk were taken. */
  feed(chunk: Buffer, position: number, maxLines?: number): { readonly lines: RawLine[]; readonly used: number };
  /** The half line that is held; empty when there is none. */
  half(): Buffer;
  /** Whether the rest of a line that was too long is being skipped. */
  skipping(): boolean;
  reset(half: Buffer, skipping: boolean): void;
}

const empty = Buffer.alloc(0);

export function createLineSplitter(): LineSplitter {
  let held: Buffer = empty;
  let skipping = false;
  const whole = (bytes: Buffer, end: number): RawLine => {
    const truncated = bytes.length > maxMessageBytes;
    return { bytes: truncated ? cutBytes(bytes) : bytes, truncated, partial: false, end, skip: false };
  };
  /** Takes the beginning of a line that goes on; answers it where it is too long to be held. */
  const hold = (rest: Buffer, end: number): RawLine | undefined => {
    if (skipping || rest.length === 0) return undefined;
    held = lastState(held.length === 0 ? rest : Buffer.concat([held, rest]));
    // What is kept is not a view into the whole chunk.
    if (held.length <= maxMessageBytes) {
      held = Buffer.from(held);
      return undefined;
    }
    // Told at once: a line without an end must neither wait for ever nor fill the memory.
    const line = { bytes: Buffer.from(cutBytes(held)), truncated: true, partial: false, end, skip: true };
    held = empty;
    skipping = true;
    return line;
  };
  return {
    feed(chunk, position, maxLines = Number.POSITIVE_INFINITY) {
      const lines: RawLine[] = [];
      let start = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
        if (lines.length >= maxLines) return { lines, used: start };
        if (!skipping) {
          const bytes = held.length === 0 ? chunk.subarray(start, at) : Buffer.concat([held, chunk.subarray(start, at)]);
          lines.push(whole(lastState(bytes), position + at + 1));
        }
        held = empty;
        skipping = false;
        start = at + 1;
      }
      const long = hold(chunk.subarray(start), position + chunk.length);
      if (long) lines.push(long);
      return { lines, used: chunk.length };
    },
    half: () => held,
    skipping: () => skipping,
    reset(half, skip) {
      held = half;
      skipping = skip;
    },
  };
}
