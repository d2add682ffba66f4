import { closeSync, constants, existsSync, fchmodSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
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
  // Of anything but a file, a fifo say, opening might never return.
  if (!existsSync(path) || !lstatSync(path).isFile()) return undefined;
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

const notOurs = (path: string): RefusedError =>
  new RefusedError(`${path}: not a lock file of sboxagent; remove it, or choose another directory with --state-dir`);

/** A plain file of mode 0600, made where there is none: never another one that a link leads to. Throws RefusedError. */
function makeLockFile(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw ['ELOOP', 'EISDIR', 'ENXIO'].includes(code ?? '') ? notOurs(path) : new RefusedError(`${path}: ${message}`);
  }
  try {
    if (!fstatSync(fd).isFile()) throw notOurs(path);
    fchmodSync(fd, 0o600);
  } finally {
    // Before SQLite opens it: closing any descriptor of a file drops the locks of the whole process on it.
    closeSync(fd);
  }
}

/**
 * One daemon a state directory. The lock is SQLite's own on a file of its own: the kernel frees it with the process, so that
 * nothing stale is ever left, and two that start at once cannot both have it. The owner's pid stands in the file.
 * @throws RefusedError that names the owner, or says what is wrong with the file.
 */
export function lockStateDir(path: string): { release(): void } {
  const journal = lstatSync(`${path}-journal`, { throwIfNoEntry: false });
  if (journal !== undefined && !journal.isFile()) throw notOurs(`${path}-journal`);
  makeLockFile(path);
  const db = new DatabaseSync(path);
  try {
    // In this mode the lock of the first write is kept until the connection is closed.
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = ${process.pid}; COMMIT`);
  } catch (error) {
    db.close();
    const why = error instanceof Error ? error.message : String(error);
    if (/not a database/i.test(why)) throw notOurs(path);
    if (!/locked|busy/i.test(why)) throw new RefusedError(`${path}: ${why}; choose another directory with --state-dir`);
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
