import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  read,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { promisify } from 'node:util';
import type { SpoolMark } from './entry.ts';
import { createLineSplitter, type RawLine } from './lines.ts';
import type { PunchHole } from './types.ts';

const chunkBytes = 64 << 10;
/** What is only counted is read in larger pieces. */
const skipBytes = 256 << 10;
/** Lines of one read: short ones cost far more in memory than in bytes. */
const chunkLines = 256;
/** A spool that was read is freed from this size on when it is quiet … */
const freeQuietBytes = 1 << 20;
/** … and from this one on while it is being written. */
const freeBusyBytes = 16 << 20;
/** More than this unread is a flood: its lines are counted instead of kept, but for the newest. */
const floodBytes = 64 << 20;
/** Holes end where blocks do. */
const holeAlignment = 1 << 20;
const keepOfFloodBytes = 1 << 20;

/** What is noted beside the spool. `base` is what earlier truncations took away. */
interface Note {
  readonly key: string;
  readonly base: number;
  readonly offset: number;
  readonly skip: boolean;
  /** A half line that a truncation would have taken away, base64. */
  readonly half: string;
}

const readAt = promisify(read);

/** One spool file that a child appends to (O_APPEND). */
export interface Spool {
  readonly key: string;
  /** Whether an earlier run of the agent read of it already, and when it last noted that (Unix ms). */
  readonly resumedMs: number | undefined;
  /** Goes on behind a line that was stored after the last note. */
  resume(mark: SpoolMark): void;
  /** Whether there is nothing to do: all that was written is read, and no line waits for its end. Costs one stat. */
  isIdle(): boolean;
  /** The next lines; undefined at the end. `dropped` lines were a flood. */
  read(): Promise<{ readonly lines: readonly (RawLine & { readonly mark: SpoolMark })[]; readonly dropped: number } | undefined>;
  /** The half line at the end, as a line: the writer has ended, or (`partial`) says nothing more for the moment. */
  rest(partial: boolean): (RawLine & { readonly mark: SpoolMark }) | undefined;
  /** Notes how far it was read; what was read is stored by now. */
  note(): void;
  /** Gives the blocks that were read back to the disk: by truncation where it is quiet and all was read, else by a hole. */
  free(quiet: boolean): Promise<void>;
  /** `forget`: the writer has ended and all was read: the file is emptied and the note removed. */
  close(forget: boolean): void;
}

/** Opens a file of our own, which is not worth a turn of the event loop. Throws the file system's error. */
export function openSpool(path: string, punchHole?: PunchHole): Spool {
  const fd = openSync(path, 'r+');
  try {
    return spoolOf(fd, path, punchHole);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function spoolOf(fd: number, path: string, punchHole: PunchHole | undefined): Spool {
  const splitter = createLineSplitter();
  const { ino, birthtimeMs } = fstatSync(fd);
  const key = `${ino}.${Math.trunc(birthtimeMs)}`;
  const notePath = `${path}.offset`;
  const found = readNote(notePath);
  const resumed = found && found.note.key === key ? found : undefined;
  // Positions count from the first byte ever written; `base` is the position of the file's first byte.
  let base = resumed?.note.base ?? 0;
  let position = base + (resumed?.note.offset ?? 0);
  let noted = '';
  /** Up to here the blocks of the file were given back. */
  let punched = position;
  let canPunch = punchHole !== undefined;
  let closed = false;
  let waitingDrop = 0;
  let buffer: Buffer | undefined;
  /** What of the buffer is no line yet; it begins at `position`. */
  let buffered: Buffer = Buffer.alloc(0);
  splitter.reset(Buffer.from(resumed?.note.half ?? '', 'base64'), resumed?.note.skip ?? false);

  const size = (): number => base + fstatSync(fd).size;
  const markAt = (end: number, skip: boolean): SpoolMark => ({ key, offset: end, skip });
  const note = (): void => {
    const start = position - splitter.half().length;
    const cut = start < base;
    const offset = (cut ? position : start) - base;
    const next: Note = { key, base, offset, skip: splitter.skipping(), half: cut ? splitter.half().toString('base64') : '' };
    const text = JSON.stringify(next);
    if (text === noted) return;
    try {
      writeFileSync(`${notePath}.tmp`, text, { mode: 0o600 });
      renameSync(`${notePath}.tmp`, notePath);
      noted = text;
    } catch {
      // A full disk, or the directory is gone: the marks of the stored lines say the same.
    }
  };
  // Shorter than what was read: it was truncated, and the agent killed before it noted that. What is in it now is new.
  const adjust = (): void => {
    if (position <= size()) return;
    base = position;
    punched = position;
    buffered = Buffer.alloc(0);
  };
  adjust();
  /** The first lines are stored after a note, so that the agent after a kill looks for what was stored after it. A silent unit has none. */
  const noteFirst = (): void => {
    if (noted === '' && !resumed) note();
  };

  /** One buffer for all reads of a busy spool: what was read is text before the next read. A quiet one holds none. */
  const fill = async (): Promise<Buffer> => {
    buffer ??= Buffer.allocUnsafeSlow(chunkBytes);
    const { bytesRead } = await readAt(fd, buffer, 0, chunkBytes, position - base);
    const read = buffer.subarray(0, bytesRead);
    if (bytesRead === 0) buffer = undefined;
    return read;
  };
  const skipFlood = async (): Promise<void> => {
    const target = size() - keepOfFloodBytes;
    buffered = Buffer.alloc(0);
    const skipped = Buffer.allocUnsafeSlow(skipBytes);
    while (position < target) {
      const { bytesRead } = await readAt(fd, skipped, 0, Math.min(skipBytes, target - position), position - base);
      const chunk = skipped.subarray(0, bytesRead);
      if (chunk.length === 0) return;
      const count = countLines(chunk);
      const skipping = splitter.skipping();
      const end = chunk.lastIndexOf(10) + 1;
      // A line that is being skipped was told already; one that goes on behind this chunk is lost as a whole.
      waitingDrop += count - (skipping && count > 0 ? 1 : 0) + (count === 0 && !skipping ? 1 : 0);
      splitter.reset(Buffer.alloc(0), count === 0);
      position += count === 0 ? chunk.length : end;
    }
  };

  const truncate = (): void => {
    if (size() !== position) return;
    note();
    // The look and the cut stand side by side without anything between them: what the child appends in those few microseconds is lost, and
    // nothing could tell. A quiet spool makes that all but impossible; a busy one is cut only where the file system has no holes.
    if (size() !== position) return;
    ftruncateSync(fd, 0);
    base = position;
    punched = position;
    note();
  };
  /** What was read of a busy spool: the file keeps its size, so that nothing that is appended meanwhile can be lost. */
  const punch = async (): Promise<void> => {
    note();
    const offset = punched - base;
    const end = position - splitter.half().length - base;
    const length = end - (end % holeAlignment) - offset;
    canPunch = (await punchHole?.(path, { offset, length })) ?? false;
    if (canPunch) punched += length;
  };

  return {
    key,
    resumedMs: resumed?.timeMs,
    resume(mark) {
      if (mark.key !== key || mark.offset <= position - splitter.half().length) return;
      position = mark.offset;
      buffered = Buffer.alloc(0);
      splitter.reset(Buffer.alloc(0), mark.skip);
      adjust();
    },
    isIdle: () => buffered.length === 0 && size() === position && splitter.half().length === 0 && waitingDrop === 0,
    async read() {
      adjust();
      const unread = size() - position;
      if (unread > floodBytes) await skipFlood();
      const dropped = waitingDrop;
      waitingDrop = 0;
      // A quiet spool is looked at often: it costs a stat, and no buffer.
      if (buffered.length === 0 && unread > 0) buffered = await fill();
      if (buffered.length === 0) return dropped > 0 ? { lines: [], dropped } : undefined;
      noteFirst();
      const { lines, used } = splitter.feed(buffered, position, chunkLines);
      position += used;
      buffered = buffered.subarray(used);
      return { lines: lines.map((line) => ({ ...line, mark: markAt(line.end, line.skip) })), dropped };
    },
    rest(partial) {
      const bytes = splitter.half();
      if (bytes.length === 0) return undefined;
      splitter.reset(Buffer.alloc(0), false);
      return { bytes, truncated: false, partial, end: position, skip: false, mark: markAt(position, false) };
    },
    note() {
      if (noted !== '' || resumed || position > 0) note();
    },
    async free(quiet) {
      if (quiet && position - base >= freeQuietBytes) truncate();
      else if (canPunch && position - splitter.half().length - punched >= freeBusyBytes) await punch();
      else if (!canPunch && position - base >= freeBusyBytes) truncate();
    },
    close(forget) {
      if (closed) return;
      closed = true;
      try {
        if (forget && fstatSync(fd).size > 0) ftruncateSync(fd, 0);
        if (forget && existsSync(notePath)) rmSync(notePath, { force: true });
      } finally {
        closeSync(fd);
      }
    },
  };
}

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
  return count;
}

function readNote(path: string): { readonly note: Note; readonly timeMs: number } | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as Note;
    if (typeof note.key !== 'string' || !Number.isSafeInteger(note.base) || !Number.isSafeInteger(note.offset)) return undefined;
    return { note, timeMs: statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}
