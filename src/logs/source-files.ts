import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Blob, openGzip, openPlain, readBackward } from './blob.ts';

/** How much is kept of one source. */
export interface Keep {
  readonly retentionMs: number;
  readonly maxBytesPerSource: number;
  readonly files: number;
}

export interface LogFile {
  readonly firstSeq: number;
  gzip: boolean;
  bytes: number;
  lastWriteMs: number;
}

/** The files of one source, oldest first: `<first seq>.ndjson`, the newest appended to, older ones compressed. */
export interface SourceFiles {
  readonly source: string;
  readonly list: () => readonly LogFile[];
  /** Undefined when it was removed meanwhile. */
  open(file: LogFile): Promise<Blob | undefined>;
  /** Appends whole lines; all or nothing. Rejects with the error of the disk. */
  append(text: string, firstSeq: number, nowMs: number): Promise<void>;
  /** Compresses and removes what is over the limits. Never rejects. */
  tidy(keep: Keep, nowMs: number): Promise<void>;
  /** The newest seq stored; 0 when there is none. */
  newestSeq(): Promise<number>;
  close(): Promise<void>;
}

export async function openSourceFiles(options: {
  readonly dir: string;
  readonly source: string;
  readonly keep: () => Keep;
  /** Called before a file goes, for readers that have not read it yet. */
  readonly onRemove?: (source: string, open: () => Promise<Blob | undefined>) => Promise<void>;
}): Promise<SourceFiles> {
  const { source } = options;
  const dir = join(options.dir, source);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const files = await scan(dir);
  let handle: FileHandle | undefined;
  const pathOf = (file: LogFile): string => join(dir, fileName(file));
  // Appending and the removal of the file that is appended to take turns.
  let turn: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(fn: () => Promise<T>): Promise<T> => {
    const result = turn.then(fn);
    turn = result.catch(() => undefined);
    return result;
  };

  const openFile = async (file: LogFile): Promise<Blob | undefined> => {
    // Between the look and the open the file may be compressed or removed; then its other name is tried once.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        return await (file.gzip ? openGzip(pathOf(file)) : openPlain(pathOf(file)));
      } catch {
        if (!files.includes(file)) return undefined;
      }
    }
    return undefined;
  };

  const active = async (firstSeq: number, bytes: number): Promise<LogFile> => {
    const newest = files.at(-1);
    const { maxBytesPerSource, files: count } = options.keep();
    const limit = Math.max(1, Math.floor(maxBytesPerSource / Math.max(1, count)));
    if (newest && !newest.gzip && (newest.bytes === 0 || newest.bytes + bytes <= limit)) {
      handle ??= await open(pathOf(newest), 'a', 0o600);
      return newest;
    }
    const file: LogFile = { firstSeq, gzip: false, bytes: 0, lastWriteMs: 0 };
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const next = await open(pathOf(file), 'a', 0o600);
    await handle?.close();
    handle = next;
    files.push(file);
    return file;
  };

  const remove = async (file: LogFile): Promise<void> => {
    await options.onRemove?.(source, () => openFile(file));
    const path = pathOf(file);
    if (file === files.at(-1) && handle) {
      await handle.close();
      handle = undefined;
    }
    files.splice(files.indexOf(file), 1);
    await rm(path, { force: true });
  };

  const append = async (bytes: Buffer, firstSeq: number, nowMs: number): Promise<void> => {
    const file = await active(firstSeq, bytes.length);
    try {
      await writeAll(handle, bytes);
    } catch (error) {
      // Half a line must not stay: the next one would be glued to it.
      await handle?.truncate(file.bytes).catch(() => undefined);
      throw error;
    }
    file.bytes += bytes.length;
    file.lastWriteMs = nowMs;
  };

  return {
    source,
    list: () => files,
    open: openFile,
    append: (text, firstSeq, nowMs) => exclusive(() => append(Buffer.from(text), firstSeq, nowMs)),
    async tidy(keep, nowMs) {
      try {
        for (const file of files.slice(0, -1)) if (!file.gzip) await compress(dir, file);
        for (const file of excess(files, keep, nowMs)) await exclusive(() => remove(file));
        await exclusive(async () => files.length === 0 && rmdir(dir).catch(() => undefined));
      } catch {
        // Full or read-only disk: the next round tries again.
      }
    },
    async newestSeq() {
      for (const file of files.toReversed()) {
        const blob = await openFile(file);
        if (!blob) continue;
        const batch = await readBackward(blob, source, Number.POSITIVE_INFINITY)();
        await blob.close();
        if (batch?.[0]) return batch[0].seq;
      }
      return 0;
    },
    close: () =>
      exclusive(async () => {
        await handle?.close();
        handle = undefined;
      }),
  };
}

/** Which files go: the oldest over the number and the bytes, and every one whose newest line is older than the retention. */
function excess(files: readonly LogFile[], keep: Keep, nowMs: number): LogFile[] {
  const gone: LogFile[] = [];
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let count = files.length;
  for (const file of files) {
    const newest = file === files.at(-1);
    const over = !newest && (count > keep.files || bytes > keep.maxBytesPerSource);
    if (!over && file.lastWriteMs >= nowMs - keep.retentionMs) continue;
    gone.push(file);
    bytes -= file.bytes;
    count -= 1;
  }
  return gone;
}

function fileName(file: LogFile): string {
  return `${String(file.firstSeq).padStart(16, '0')}.ndjson${file.gzip ? '.gz' : ''}`;
}

/** What lies there; leftovers of an interrupted compression go, and the end of the newest file is made whole. */
async function scan(dir: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  const names = (await readdir(dir)).sort();
  for (const name of names) {
    const match = /^(\d{16})\.ndjson(\.gz)?$/.exec(name);
    if (!match || (!match[2] && names.includes(`${name}.gz`))) {
      if (name.endsWith('.tmp') || match) await rm(join(dir, name), { force: true });
      continue;
    }
    const { size, mtimeMs } = await stat(join(dir, name));
    files.push({ firstSeq: Number(match[1]), gzip: match[2] !== undefined, bytes: size, lastWriteMs: mtimeMs });
  }
  const newest = files.at(-1);
  if (newest && !newest.gzip) newest.bytes = await makeWhole(join(dir, fileName(newest)), newest.bytes);
  return files;
}

/** Cuts off a last line without its line feed (the agent was killed while it wrote). Answers the size. */
async function makeWhole(path: string, size: number): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - 4096);
      const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      const index = buffer.lastIndexOf(10);
      if (index >= 0 || start === 0) {
        const whole = start + index + 1;
        if (whole < size) await handle.truncate(whole);
        return whole;
      }
      end = start;
    }
    return 0;
  } finally {
    await handle.close();
  }
}

async function compress(dir: string, file: LogFile): Promise<void> {
  const plain = join(dir, fileName(file));
  const packed = `${plain}.gz`;
  await pipeline(createReadStream(plain), createGzip(), createWriteStream(`${packed}.tmp`, { mode: 0o600 }));
  await rename(`${packed}.tmp`, packed);
  file.bytes = (await stat(packed)).size;
  file.gzip = true;
  await rm(plain, { force: true });
}

async function writeAll(handle: FileHandle | undefined, bytes: Buffer): Promise<void> {
  let written = 0;
  while (handle && written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
}
