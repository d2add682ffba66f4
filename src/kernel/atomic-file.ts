import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** `.NAME.<12 hex>.tmp`: what a kill in the middle of an atomic write leaves beside NAME. */
const temporary = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Replaces a file as a whole: after a crash or power loss it is the old one or the new one, never a part. The data is
 * written to a new file beside it, flushed, renamed over it, and the directory is flushed too, without which the rename can be
 * lost. A symlink at `path` is replaced, not followed, so that nobody can lead the write elsewhere; resolve it before
 * where following is meant. `mode` (default 0600) holds whatever the umask is and whatever the old file had.
 * Throws the file system's error; the old file is then untouched and nothing is left beside it. What a kill leaves beside it
 * `removeTemporaries` finds.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): void {
  const temp = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    writeFlushed(temp, data, mode);
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * Writes over a file that cannot be replaced (a bind mount of its own: rename answers EBUSY), and flushes it. A crash in the middle leaves
 * the beginning of the new text before the end of the old one: the caller keeps both elsewhere. Throws the file system's error.
 */
export function writeFileInPlace(path: string, data: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    writeFileSync(fd, data);
    ftruncateSync(fd, Buffer.byteLength(data));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes what killed atomic writes left in a directory: of the file of this name, or of any where the directory is ours alone. For
 * the start, when nobody writes there. A directory that cannot be read or written to is judged by whoever needs it.
 */
export function removeTemporaries(dir: string, name?: string): void {
  try {
    for (const entry of readdirSync(dir)) {
      const [, of] = temporary.exec(entry) ?? [];
      if (of !== undefined && (name === undefined || of === name)) rmSync(join(dir, entry), { force: true });
    }
  } catch {
    // See above.
  }
}

/** Flushes the entries of a directory to disk (a rename, a creation, a removal). */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a directory, 0700. Every new level is flushed with the one above it, so that it does not vanish with the power. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) syncDirectory(dirname(at));
}

function writeFlushed(path: string, data: string | Uint8Array, mode: number): void {
  // O_EXCL: never into a file or through a symlink that is there already.
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    fchmodSync(fd, mode);
    writeFileSync(fd, data);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
