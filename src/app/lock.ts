import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { RefusedError } from '../kernel/errors.ts';

/** Where SQLite keeps `user_version` in the file's header: readable without opening the database. */
const USER_VERSION_OFFSET = 60;

function ownerOf(path: string): number {
  const fd = openSync(path, 'r');
  try {
    const field = Buffer.alloc(4);
    readSync(fd, field, 0, 4, USER_VERSION_OFFSET);
    return field.readInt32BE();
  } finally {
    closeSync(fd);
  }
}

/** Pid of the daemon that holds the lock; undefined when none does. */
export function lockOwner(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const db = new DatabaseSync(path);
  try {
    db.exec('BEGIN EXCLUSIVE; ROLLBACK');
    return undefined;
  } catch {
    return ownerOf(path);
  } finally {
    db.close();
  }
}

/**
 * One daemon a state directory. The lock is SQLite's own on a file of its own: the kernel frees it with the process, so that
 * nothing stale is ever left, and two that start at once cannot both have it. The owner's pid stands in the file.
 * @throws RefusedError that names the owner.
 */
export function lockStateDir(path: string): { release(): void } {
  const db = new DatabaseSync(path);
  try {
    // In this mode the lock of the first write is kept until the connection is closed.
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = ${process.pid}; COMMIT`);
  } catch (error) {
    db.close();
    if (!(error instanceof Error) || !/locked|busy/i.test(error.message)) throw error;
    throw new RefusedError(
      `${path}: another daemon (pid ${ownerOf(path)}) owns this state directory; stop it, or choose another with --state-dir`,
    );
  }
  return {
    release: () => {
      if (db.isOpen) db.close();
    },
  };
}
