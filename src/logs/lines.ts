import { cutBytes, maxMessageBytes } from './clean.ts';

const newline = 10;

export interface RawLine {
  readonly bytes: Buffer;
  readonly truncated: boolean;
  /** Position behind the line within all that was fed. */
  readonly end: number;
  /** The rest of the line is skipped. */
  readonly skip: boolean;
}

/** Cuts a stream of bytes into lines; holds at most one message's worth of a line that has not ended. */
export interface LineSplitter {
  /** `position` is that of the chunk's first byte. */
  feed(chunk: Buffer, position: number): RawLine[];
  /** The half line that is held; empty when there is none. */
  half(): Buffer;
  /** Whether the rest of a line that was too long is being skipped. */
  skipping(): boolean;
  reset(half: Buffer, skipping: boolean): void;
}

export function createLineSplitter(): LineSplitter {
  let held: Buffer = Buffer.alloc(0);
  let skipping = false;
  return {
    feed(chunk, position) {
      const lines: RawLine[] = [];
      let start = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
        const end = position + at + 1;
        if (!skipping) {
          const bytes = held.length === 0 ? chunk.subarray(start, at) : Buffer.concat([held, chunk.subarray(start, at)]);
          const truncated = bytes.length > maxMessageBytes;
          lines.push({ bytes: truncated ? cutBytes(bytes) : bytes, truncated, end, skip: false });
        }
        held = Buffer.alloc(0);
        skipping = false;
        start = at + 1;
      }
      if (!skipping && start < chunk.length) held = Buffer.concat([held, chunk.subarray(start)]);
      if (held.length > maxMessageBytes) {
        // Told at once: a line without an end must neither wait for ever nor fill the memory.
        lines.push({ bytes: cutBytes(held), truncated: true, end: position + chunk.length, skip: true });
        held = Buffer.alloc(0);
        skipping = true;
      }
      return lines;
    },
    half: () => held,
    skipping: () => skipping,
    reset(half, skip) {
      held = half;
      skipping = skip;
    },
  };
}
