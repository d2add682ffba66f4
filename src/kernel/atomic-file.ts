import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file as a whole: after a crash or power loss it is the old one or the new one, never a part. The data is
 * written to a new file beside it, flushed, renamed over it, and the directory is flushed too, without which the rename can be
 * lost. A symlink at `path` is replaced, not followed, so that nobody can lead the write elsewhere; resolve it before
 * where following is meant. `mode` (default 0600) holds whatever the umask is and whatever the old file had.
 * Throws the file system's error; the old file is then untouched and nothing is left beside it.
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

/** Flushes the entries of a directory to disk (a rename, a creation, a removal). */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
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
