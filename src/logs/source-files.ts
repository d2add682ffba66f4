import { type FileHandle, mkdir, open, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Turns } from '../kernel/turns.ts';
import type { StoredEntry } from './entry.ts';
import { type EntryBlocks, type From, packedBlocks, plainBlocks } from './entry-blocks.ts';
import { fileName, findFiles, type LogFile } from './found-files.ts';
import { packFile } from './packed.ts';
import { createSourceReader } from './source-reader.ts';

export type { LogFile } from './found-files.ts';

/** How much is kept of one source. */
export interface Keep {
  readonly retentionMs: number;
  readonly maxBytesPerSource: number;
  readonly files: number;
}

/** The files of one source, oldest first: `<first seq>.ndjson`, the newest appended to, older ones compressed. */
export interface SourceFiles {
  readonly source: string;
  readonly list: () => readonly LogFile[];
  /** The newest seq stored; 0 when there is none. */
  newestSeq(): number;
  /** When it was last appended to, by the time that `append` is given. */
  lastWriteMs(): number;
  /** Undefined when it was removed meanwhile. */
  open(file: LogFile, from: From): Promise<EntryBlocks | undefined>;
  /** Appends whole lines; all or nothing. Keeps the limit: what is over it goes first. Rejects with the error of the disk. */
  append(lines: Appended): Promise<void>;
  /** Compresses, removes what is over the limits, gives its descriptor back where it is idle. Never rejects. */
  tidy(keep: Keep, nowMs: number): Promise<void>;
  /** Takes away all that is kept of it: it is gone, and others need the place. Never rejects. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface Appended {
  readonly bytes: Buffer;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly nowMs: number;
}

export interface SourceFilesOptions {
  /** Compressions of all sources: each needs its memory, and few at once are as quick. */
  readonly packing: Turns;
  readonly dir: string;
  readonly source: string;
  readonly keep: () => Keep;
  /** Called before a file goes; it goes when `remove` is called. */
  readonly onRemove?: (leaving: LeavingFile, remove: () => Promise<void>) => Promise<void>;
}

/** A file that is about to go, for readers that have not read it yet. */
export interface LeavingFile {
  readonly source: string;
  readonly lastSeq: number;
  /** Calls `fn` with its entries after a seq, oldest first, until it answers false. */
  each(after: number, fn: (entry: StoredEntry) => boolean): Promise<void>;
}

/** A descriptor that was not used for so long is given back. */
const idleMs = 60_000;

export async function openSourceFiles(options: SourceFilesOptions): Promise<SourceFiles> {
  const { source } = options;
  const dir = join(options.dir, source);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const files = await findFiles(dir);
  let handle: FileHandle | undefined;
  let newest = 0;
  /** The compression that is under way. */
  let packing: Promise<void> | undefined;
  const pathOf = (file: LogFile): string => join(dir, fileName(file));
  // Appending and the removal of the file that is appended to take turns.
  let turn: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(fn: () => Promise<T>): Promise<T> => {
    const result = turn.then(fn);
    turn = result.catch(() => undefined);
    return result;
  };

  const openFile = async (file: LogFile, from: From): Promise<EntryBlocks | undefined> => {
    // Between the look and the open the file may be compressed or removed; then its other name is tried once.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        return await (file.gzip ? packedBlocks(pathOf(file), from) : plainBlocks(pathOf(file), from));
      } catch {
        if (!files.includes(file)) return undefined;
      }
    }
    return undefined;
  };
  const closeHandle = async (): Promise<void> => {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  };
  /** Compresses the older files, one compression at a time. */
  const pack = (): Promise<void> => {
    packing ??= packAll({ files, pathOf, turns: options.packing }).finally(() => {
      packing = undefined;
    });
    return packing;
  };
  const remove = async (file: LogFile): Promise<void> => {
    while (packing) await packing.catch(() => undefined);
    file.leaving = true;
    const lastSeq = (files[files.indexOf(file) + 1]?.firstSeq ?? newest + 1) - 1;
    const each: LeavingFile['each'] = (after, fn) => eachEntry(file, openFile, { source, after, fn });
    const drop = async (): Promise<void> => {
      if (file === files.at(-1)) await closeHandle();
      files.splice(files.indexOf(file), 1);
      await rm(pathOf(file), { force: true });
    };
    if (options.onRemove) await options.onRemove({ source, lastSeq, each }, drop);
    else await drop();
  };
  const removeExcess = async (keep: Keep, nowMs: number, adding = 0): Promise<void> => {
    for (const file of excess(files, keep, { nowMs, adding })) await remove(file);
  };
  /** The file to append to; a new one where the newest is full. */
  const active = async (firstSeq: number, bytes: number, nowMs: number): Promise<LogFile> => {
    const keep = options.keep();
    const current = files.at(-1);
    const limit = Math.max(1, Math.floor(keep.maxBytesPerSource / Math.max(1, keep.files)));
    if (current && !current.gzip && (current.bytes === 0 || current.bytes + bytes <= limit)) {
      handle ??= await open(pathOf(current), 'a', 0o600);
      return current;
    }
    // What is appended faster than it can be compressed waits here: the limit holds at every moment.
    await packing?.catch(() => undefined);
    await removeExcess(keep, nowMs, Math.max(bytes, limit));
    const file: LogFile = { firstSeq, gzip: false, bytes: 0, lastWriteMs: 0 };
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const next = await open(pathOf(file), 'a', 0o600);
    await closeHandle();
    handle = next;
    files.push(file);
    void pack().catch(() => undefined);
    return file;
  };
  const append = async ({ bytes, firstSeq, lastSeq, nowMs }: Appended): Promise<void> => {
    const file = await active(firstSeq, bytes.length, nowMs);
    try {
      await writeAll(handle, bytes);
    } catch (error) {
      // Half a line must not stay: the next one would be glued to it.
      await handle?.truncate(file.bytes).catch(() => undefined);
      throw error;
    }
    file.bytes += bytes.length;
    file.lastWriteMs = nowMs;
    newest = lastSeq;
  };

  newest = await lastStored(files, openFile, source);
  return {
    source,
    list: () => files,
    newestSeq: () => newest,
    lastWriteMs: () => files.at(-1)?.lastWriteMs ?? 0,
    open: openFile,
    append: (lines) => exclusive(() => append(lines)),
    async tidy(keep, nowMs) {
      try {
        await pack();
        await exclusive(async () => {
          await removeExcess(keep, nowMs);
          if ((files.at(-1)?.lastWriteMs ?? 0) < nowMs - idleMs) await closeHandle();
          if (files.length === 0) await rmdir(dir).catch(() => undefined);
        });
      } catch {
        // Full or read-only disk: the next round tries again.
      }
    },
    clear: () =>
      exclusive(async () => {
        for (const file of [...files]) await remove(file);
        await rmdir(dir);
      }).catch(() => undefined),
    close: () => exclusive(closeHandle),
  };
}

async function packAll(of: { files: readonly LogFile[]; pathOf: (file: LogFile) => string; turns: Turns }): Promise<void> {
  for (const file of of.files.slice(0, -1)) {
    if (file.gzip || file.leaving || !of.files.includes(file)) continue;
    file.bytes = await of.turns(() => packFile(of.pathOf(file)));
    file.gzip = true;
  }
}

type OpenFile = SourceFiles['open'];

async function lastStored(files: readonly LogFile[], openFile: OpenFile, source: string): Promise<number> {
  const from: From = { order: 'desc', edge: Number.POSITIVE_INFINITY };
  const reader = createSourceReader({ source, list: () => files, newestSeq: () => Number.MAX_SAFE_INTEGER, open: openFile }, from);
  try {
    return (await reader.fill()) ? (reader.head()?.seq ?? 0) : 0;
  } finally {
    await reader.close();
  }
}

interface Asked {
  readonly source: string;
  readonly after: number;
  readonly fn: (entry: StoredEntry) => boolean;
}

async function eachEntry(file: LogFile, openFile: OpenFile, { source, after, fn }: Asked): Promise<void> {
  const from: From = { order: 'asc', edge: after };
  const one = [file];
  const reader = createSourceReader({ source, list: () => one, newestSeq: () => Number.MAX_SAFE_INTEGER, open: openFile }, from);
  try {
    while (await reader.fill()) {
      for (let entry = reader.head(); entry !== undefined; entry = reader.head()) {
        if (!fn(entry)) return;
        reader.take();
      }
    }
  } finally {
    await reader.close();
  }
}

/**
 * Which files go: the oldest over the number and the bytes (with the file that is about to be begun, full), and every one whose newest line is older
 * than the retention.
 */
function excess(files: readonly LogFile[], keep: Keep, { nowMs, adding }: { readonly nowMs: number; readonly adding: number }): LogFile[] {
  const gone: LogFile[] = [];
  let bytes = files.reduce((sum, file) => sum + file.bytes, adding);
  let count = files.length + (adding > 0 ? 1 : 0);
  for (const file of files) {
    const newest = adding === 0 && file === files.at(-1);
    const over = !newest && (count > keep.files || bytes > keep.maxBytesPerSource);
    if (!over && file.lastWriteMs >= nowMs - keep.retentionMs) continue;
    gone.push(file);
    bytes -= file.bytes;
    count -= 1;
  }
  return gone;
}

async function writeAll(handle: FileHandle | undefined, bytes: Buffer): Promise<void> {
  let written = 0;
  while (handle && written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
}
