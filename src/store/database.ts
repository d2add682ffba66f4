import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RefusedError } from '../kernel/errors.ts';
import type { Numbering } from './quarantine.ts';
import type { ProcedureModule } from './types.ts';

export interface OpenOptions {
  readonly path: string;
  /** `full`: what was committed survives a loss of power; `relaxed`: it survives the end of the agent. */
  readonly durability: 'full' | 'relaxed';
}

/** The file is no whole database. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/** SQLite's own numbers of the levels. */
const levels = { full: 2, relaxed: 1 } as const;
const lockWaitMs = 5000;

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

/**
 * Opens the writing connection. `synchronous` is set and asserted on every open: SQLite falls back to NORMAL when an existing
 * WAL database is opened again, and NORMAL loses committed rows with the power.
 */
export function openWriter({ path, durability }: OpenOptions): DatabaseSync {
  const level = levels[durability];
  createPrivately(path);
  const db = new DatabaseSync(path, { timeout: lockWaitMs });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${level}; PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF`);
    if (pragma(db, 'journal_mode') !== 'wal' || pragma(db, 'synchronous') !== level) {
      throw new RefusedError(`${path}: SQLite does not take WAL with synchronous=${level} here; put agent.state_dir on a local disk`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * SQLite gives its side files the mode of the database. Never opened here once it exists: closing any descriptor of the file
 * would drop the locks that the other thread's connection holds.
 */
function createPrivately(path: string): void {
  // Not recursive: below /proc Node would try for ever.
  if (!existsSync(dirname(path))) mkdirSync(dirname(path), { mode: 0o700 });
  if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600));
  chmodSync(path, 0o600);
}

export function openReader({ path }: Pick<OpenOptions, 'path'>): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: lockWaitMs });
}

/** @throws DamagedError */
export function checkIntegrity(db: DatabaseSync): void {
  const verdict = pragma(db, 'quick_check');
  if (verdict !== 'ok') throw new DamagedError(String(verdict));
}

/** Runs `fn` in one transaction: committed when it returns, undone when it throws. */
export function inTransaction<T>(db: DatabaseSync, fn: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const value = fn();
    db.exec('COMMIT');
    return value;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Goes on with the numbers of tables with AUTOINCREMENT where a damaged database left off. */
function continueNumbering(db: DatabaseSync, numbering: Numbering): void {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'").all();
  for (const { name } of tables) {
    if (typeof name === 'string') db.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, numbering(name));
  }
}

/** Brings each room's tables to the newest of its migrations. @throws RefusedError where a newer version wrote the file. */
export function migrate(db: DatabaseSync, modules: ReadonlyMap<string, ProcedureModule>, numbering?: Numbering): void {
  inTransaction(db, () => {
    db.exec('CREATE TABLE IF NOT EXISTS store_probe (id INTEGER PRIMARY KEY, filler BLOB) STRICT');
    db.exec('CREATE TABLE IF NOT EXISTS store_schema (room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT');
    for (const [room, { migrations }] of modules) {
      const version = Number(db.prepare('SELECT version FROM store_schema WHERE room = ?').get(room)?.['version'] ?? 0);
      if (version > migrations.length) {
        throw new RefusedError(
          `the database was written by a newer version (${room} ${version}); run that version, or choose another state directory`,
        );
      }
      for (const sql of migrations.slice(version)) db.exec(sql);
      db.prepare('INSERT INTO store_schema VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET version = excluded.version').run(
        room,
        migrations.length,
      );
    }
    if (numbering) continueNumbering(db, numbering);
  });
}
