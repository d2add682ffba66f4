import { closeSync, existsSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Where the numbering of a fresh database goes on, so that no number of the damaged one is used again. */
export type Numbering = (table: string) => number;

/** Room for numbers that the damaged file gave out and no longer shows. */
const margin = 1_000_000;

/** Moves the database and its side files aside. Answers the new path of the database. */
export function moveAside(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  let aside = `${path}.damaged-${stamp}`;
  for (let i = 2; existsSync(aside); i++) aside = `${path}.damaged-${stamp}-${i}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  syncDirectory(dirname(path));
  return aside;
}

/** A rename is durable only after its directory is synced. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Numbers that lie above all that the damaged file gave out: the higher of Unix milliseconds (far above a count of
 * records) and what can still be read of it.
 */
export function numberingAfter(path: string, nowMs: number): Numbering {
  const known = readSequences(path);
  return (table) => Math.max(nowMs, (known.get(table) ?? 0) + margin);
}

function readSequences(path: string): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      for (const row of db.prepare('SELECT name, seq FROM sqlite_sequence').iterate()) {
        if (typeof row['name'] === 'string' && typeof row['seq'] === 'number') known.set(row['name'], row['seq']);
      }
    } finally {
      db.close();
    }
  } catch {
    // Damaged beyond reading: Unix milliseconds alone decide.
  }
  return known;
}
