import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is wrong with the disk, or with what lies on it. */
export type DiskKind = 'full' | 'read_only' | 'io' | 'corrupt';

/** Primary result codes of SQLite (the low byte of the extended code). */
const kinds: Readonly<Record<number, DiskKind>> = { 8: 'read_only', 10: 'io', 11: 'corrupt', 13: 'full', 14: 'io', 26: 'corrupt' };

const errnoKinds: Readonly<Record<string, DiskKind>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read_only',
  EACCES: 'read_only',
  EIO: 'io',
  EMFILE: 'io',
  ENFILE: 'io',
};

/** The kind of a failure of the disk; undefined when `error` is something else: a bug, or a refusal by a procedure. */
export function diskKind(error: unknown): DiskKind | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return kinds[error.errcode & 0xff];
  if ('code' in error && typeof error.code === 'string') return errnoKinds[error.code];
  return undefined;
}

/**
 * SQLite says IOERR or CANTOPEN for a disk that became read-only or full under it (only a plain write names ENOSPC):
 * the file system itself is asked, so that the person is told the right cause.
 */
export function refineKind(kind: DiskKind, path: string): DiskKind {
  if (kind !== 'io') return kind;
  try {
    accessSync(dirname(path), constants.W_OK);
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
  corrupt: 'its contents are damaged; restart the agent, which moves the file aside',
};

/** For a person: what is wrong with the database and what to do. */
export function diskMessage(kind: DiskKind, path: string, detail: string): string {
  return `${path} cannot be written: ${texts[kind]} (${detail})`;
}
