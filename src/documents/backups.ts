import { hash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-file.ts';
import { AgentError } from '../kernel/errors.ts';

/** Copies of documents in one directory, 0600 in 0700, each told apart from a damaged one by its hash, which the caller keeps elsewhere. */
export interface Backups {
  /** Answers the SHA-256 in hex once the copy is on the disk; one of that name is replaced. Throws the file system's error. */
  save(name: string, text: string): string;
  /** Throws AgentError BACKUP_NOT_FOUND, or BACKUP_DAMAGED when it is not as it was made or cannot be read. */
  read(name: string, sha256: string): string;
  /** One that is not there is no error. */
  remove(name: string): void;
  /** Names of copies; empty where there is no directory. */
  list(): readonly string[];
}

const fileName = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}$/;

/** The directory is made when the first copy is. Names are single file names; others throw RangeError. */
export function openBackups(dir: string): Backups {
  const pathOf = (name: string): string => {
    if (!fileName.test(name)) throw new RangeError(`no name of a backup: ${JSON.stringify(name)}`);
    return join(dir, name);
  };
  return {
    save(name, text) {
      const path = pathOf(name);
      makeDirectory(dir);
      writeFileAtomic(path, text);
      return hash('sha256', text);
    },
    read(name, sha256) {
      const bytes = readBackup(pathOf(name), name);
      if (hash('sha256', bytes) !== sha256) {
        throw new AgentError('BACKUP_DAMAGED', `backup ${name} is not as it was made`, { metadata: { backup: name } });
      }
      return bytes.toString('utf8');
    },
    remove: (name) => rmSync(pathOf(name), { force: true }),
    list: () => namesIn(dir),
  };
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => fileName.test(name));
  } catch {
    return [];
  }
}

function readBackup(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const metadata = { backup: name };
    if (code === 'ENOENT') throw new AgentError('BACKUP_NOT_FOUND', `there is no backup ${name}`, { metadata, cause });
    throw new AgentError('BACKUP_DAMAGED', `backup ${name} cannot be read (${code ?? 'unknown error'})`, { metadata, cause });
  }
}
