import { type FileHandle, open } from 'node:fs/promises';
import { seqAt } from './entry.ts';
import { openPacked } from './packed.ts';

export type Order = 'asc' | 'desc';

/** The lines of one file of entries in blocks, from a seq on, in one direction. */
export interface EntryBlocks {
  /** The next block of whole lines; undefined at the end. It may begin with a few lines that were passed already. */
  next(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

export interface From {
  readonly order: Order;
  /** Exclusive, in the direction of `order`. */
  readonly edge: number;
}

const plainBytes = 32 << 10;
const newline = 10;

/** A compressed file: the block with the edge is found in its index, the others are not unpacked before they are asked for. */
export async function packedBlocks(path: string, { order, edge }: From): Promise<EntryBlocks> {
  const packed = await openPacked(path);
  const { blocks } = packed;
  // Ascending: the last block that begins at or before the edge may have what comes after it.
  const found = blocks.findLastIndex(({ firstSeq }) => (order === 'asc' ? firstSeq <= edge + 1 : firstSeq < edge));
  let at = order === 'asc' ? Math.max(0, found) : found;
  return {
    async next() {
      const block = blocks[at];
      if (block === undefined) return undefined;
      at += order === 'asc' ? 1 : -1;
      return packed.read(block);
    },
    close: packed.close,
  };
}

/** A file that is not compressed, as far as it was written when it was opened. */
export async function plainBlocks(path: string, from: From): Promise<EntryBlocks> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const bytes: Bytes = { size, read: (position, length) => readAt(handle, position, length) };
    const next = from.order === 'asc' ? forward(bytes, from.edge) : backward(bytes, from.edge);
    return { next, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Bytes {
  readonly size: number;
  read(position: number, length: number): Promise<Buffer>;
}

function forward(bytes: Bytes, after: number): () => Promise<Buffer | undefined> {
  let position: number | undefined;
  return async () => {
    position ??= after <= 0 ? 0 : await startAfter(bytes, after);
    for (let length = plainBytes; position < bytes.size; length *= 2) {
      const chunk = await bytes.read(position, Math.min(length, bytes.size - position));
      const end = chunk.lastIndexOf(newline) + 1;
      if (end > 0) {
        position += end;
        return chunk.subarray(0, end);
      }
      if (length >= bytes.size - position) break;
    }
    return undefined;
  };
}

function backward(bytes: Bytes, before: number): () => Promise<Buffer | undefined> {
  let end: number | undefined;
  return async () => {
    end ??= before === Number.POSITIVE_INFINITY ? bytes.size : await startAfter(bytes, before - 1);
    for (let length = plainBytes; end > 0; length *= 2) {
      const start = Math.max(0, end - length);
      const chunk = await bytes.read(start, end - start);
      const first = start === 0 ? 0 : chunk.indexOf(newline) + 1;
      // No line begins in this block: it is one long line, so look further back.
      if (start > 0 && (first === 0 || first === chunk.length)) continue;
      end = start + first;
      return chunk.subarray(first);
    }
    return undefined;
  };
}

/** Where the first line with seq > `seq` begins, by bisection: a page deep in a file costs some 20 small reads. */
async function startAfter(bytes: Bytes, seq: number): Promise<number> {
  let low = 0;
  let high = bytes.size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineFrom(bytes, middle);
    if (line.start >= high || line.seq > seq) high = middle;
    else low = line.start + 1;
  }
  return (await lineFrom(bytes, low)).start;
}

/** The first line that begins at or after a position; past the end where there is none. */
async function lineFrom(bytes: Bytes, position: number): Promise<{ readonly start: number; readonly seq: number }> {
  let start = position;
  if (position > 0) {
    for (let at = position - 1; ; at += 4096) {
      if (at >= bytes.size) return { start: bytes.size, seq: Number.POSITIVE_INFINITY };
      const index = (await bytes.read(at, Math.min(4096, bytes.size - at))).indexOf(newline);
      if (index < 0) continue;
      start = at + index + 1;
      break;
    }
  }
  if (start >= bytes.size) return { start: bytes.size, seq: Number.POSITIVE_INFINITY };
  return { start, seq: seqAt(await bytes.read(start, Math.min(32, bytes.size - start)), 0) };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
