import { open, readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { decode, type StoredEntry, seqAt } from './entry.ts';

const blockBytes = 64 << 10;
const newline = 10;

/** The bytes of one file of entries, compressed or not, as far as they were written when it was opened. */
export interface Blob {
  readonly size: number;
  read(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export async function openPlain(path: string): Promise<Blob> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  return {
    size,
    async read(position, length) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

/** Unpacked as a whole: a file is at most the tenth part of a source's limit, and gzip cannot be read from its end. */
export async function openGzip(path: string): Promise<Blob> {
  const bytes = await promisify(gunzip)(await readFile(path));
  return {
    size: bytes.length,
    async read(position, length) {
      // There is no disk to wait for here, so the other work of the agent gets its turn explicitly.
      await setImmediate();
      return bytes.subarray(position, position + length);
    },
    close: () => Promise.resolve(),
  };
}

/** Entries of a blob with seq > `after`, oldest first, in batches; undefined at the end. */
export function readForward(blob: Blob, source: string, after: number): () => Promise<StoredEntry[] | undefined> {
  let position: number | undefined;
  return async () => {
    position ??= await startAfter(blob, after);
    for (let length = blockBytes; position < blob.size; length *= 2) {
      const bytes = await blob.read(position, Math.min(length, blob.size - position));
      const end = bytes.lastIndexOf(newline) + 1;
      if (end > 0) {
        position += end;
        return decodeAll(bytes.subarray(0, end), source).filter((entry) => entry.seq > after);
      }
      if (length >= blob.size - position) break;
    }
    return undefined;
  };
}

/** Entries of a blob with seq < `before`, newest first, in batches; undefined at the end. */
export function readBackward(blob: Blob, source: string, before: number): () => Promise<StoredEntry[] | undefined> {
  let end: number | undefined;
  return async () => {
    end ??= before === Number.POSITIVE_INFINITY ? blob.size : await startAfter(blob, before - 1);
    for (let length = blockBytes; end > 0; length *= 2) {
      const start = Math.max(0, end - length);
      const bytes = await blob.read(start, end - start);
      const first = start === 0 ? 0 : bytes.indexOf(newline) + 1;
      // No line begins in this block: it is one long line, so look further back.
      if (start > 0 && (first === 0 || first === bytes.length)) continue;
      end = start + first;
      return decodeAll(bytes.subarray(first), source)
        .filter((entry) => entry.seq < before)
        .reverse();
    }
    return undefined;
  };
}

function decodeAll(bytes: Buffer, source: string): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (const line of bytes.toString('utf8').split('\n')) {
    const entry = line === '' ? undefined : decode(line, source);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** Where the first line with seq > `seq` begins, by bisection: a page deep in a file costs some 20 small reads. */
async function startAfter(blob: Blob, seq: number): Promise<number> {
  let low = 0;
  let high = blob.size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineFrom(blob, middle);
    if (line.start >= high || line.seq > seq) high = middle;
    else low = line.start + 1;
  }
  return (await lineFrom(blob, low)).start;
}

/** The first line that begins at or after a position; past the end where there is none. */
async function lineFrom(blob: Blob, position: number): Promise<{ readonly start: number; readonly seq: number }> {
  let start = position;
  if (position > 0) {
    for (let at = position - 1; ; at += 4096) {
      if (at >= blob.size) return { start: blob.size, seq: Number.POSITIVE_INFINITY };
      const index = (await blob.read(at, Math.min(4096, blob.size - at))).indexOf(newline);
      if (index < 0) continue;
      start = at + index + 1;
      break;
    }
  }
  if (start >= blob.size) return { start: blob.size, seq: Number.POSITIVE_INFINITY };
  return { start, seq: seqAt(await blob.read(start, Math.min(32, blob.size - start)), 0) };
}
