import { accessSync, closeSync, constants, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is wrong with the disk, or with what lies on it. */
export type DiskKind = 'full' | 'read_only' | 'io' | 'descriptors' | 'corrupt';

/** Primary result codes of SQLite (the low byte of the extended code). */
const kinds: Readonly<Record<number, DiskKind>> = { 8: 'read_only', 10: 'io', 11: 'corrupt', 13: 'full', 14: 'io', 26: 'corrupt' };

const errnoKinds: Readonly<Record<string, DiskKind>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read_only',
  EACCES: 'read_only',
  EIO: 'io',
  EMFILE: 'descriptors',
  ENFILE: 'descriptors',
};

/** The kind of a failure of the disk; undefined when `error` is something else: a bug, or a refusal by a procedure. */
export function diskKind(error: unknown): DiskKind | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return kinds[error.errcode & 0xff];
  if ('code' in error && typeof error.code === 'string') return errnoKinds[error.code];
  return undefined;
}

/**
 * SQLite says IOERR or CANTOPEN for a disk that became read-only or full under it (only a plain write names ENOSPC), and where no descriptor is left:
 * the system itself is asked, so that the message names the right cause.
 */
export function refineKind(kind: DiskKind, path: string): DiskKind {
  if (kind !== 'io') return kind;
  try {
    accessSync(dirname(path), constants.W_OK);
    // The directory, never the file: closing a descriptor of that would drop SQLite's locks.
    closeSync(openSync(dirname(path), 'r'));
    return freeBytes(path) === 0 ? 'full' : kind;
  } catch (error) {
    return diskKind(error) ?? kind;
  }
}

/** Bytes that the agent may still use on the disk of `path`. */
export function freeBytes(path: string): number {
  const fs = statfsSync(dirname(path));
  return fs.bavail * fs.bsize;
}

const texts: Readonly<Record<DiskKind, string>> = {
  full: 'no space is left on its disk; free some, and it goes on by itself',
  read_only: 'its disk is read-only; make it writable, and it goes on by itself',
  io: 'its disk reports input/output errors; check the disk',
  descriptors: 'the agent or the machine has no file descriptor left; raise the limit (LimitNOFILE), or end what holds them',
  corrupt: 'its contents are damaged; restart the agent, which moves the file aside',
};

/** For a person: what is wrong with the database and what to do. */
export function diskMessage(kind: DiskKind, path: string, detail: string): string {
  return `${path} cannot be written: ${texts[kind]} (${detail})`;
}

/** SQLITE_BUSY and SQLITE_LOCKED. */
const lockCodes: ReadonlySet<number> = new Set([5, 6]);

/** What to say where another program holds the database: undefined for any other failure. The disk is not to blame. */
export function lockMessage(error: unknown, path: string): string | undefined {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return undefined;
  if (!lockCodes.has(error.errcode & 0xff)) return undefined;
  return `${path} is locked by another program (a backup, an open sqlite3 shell): nothing was written; end it, and call again`;
}
