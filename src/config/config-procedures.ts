/** The revisions' SQL. Runs in the threads of the store. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../store/index.ts';

export interface RevisionRow {
  readonly revision: number;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly timeMs: number;
  /** JSON of the changes. */
  readonly changes: string;
  /** Of the backup that holds the texts. */
  readonly sha256: string;
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE config_revisions (revision INTEGER PRIMARY KEY, etag TEXT NOT NULL, author TEXT NOT NULL, reason TEXT NOT NULL,
       time_ms REAL NOT NULL, changes TEXT NOT NULL, sha256 TEXT NOT NULL)`,
  ],
  writes: { add, drop },
  reads: { list, find },
};

function rowOf(row: Record<string, unknown>): RevisionRow {
  return {
    revision: Number(row['revision']),
    etag: String(row['etag']),
    author: String(row['author']),
    reason: String(row['reason']),
    timeMs: Number(row['time_ms']),
    changes: String(row['changes']),
    sha256: String(row['sha256']),
  };
}

/** Answers the revisions that are over `keep` and gone by it. */
function add(db: DatabaseSync, { row, keep }: { row: RevisionRow; keep: number }): readonly number[] {
  prepared(db, 'INSERT INTO config_revisions (revision, etag, author, reason, time_ms, changes, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    row.revision,
    row.etag,
    row.author,
    row.reason,
    row.timeMs,
    row.changes,
    row.sha256,
  );
  const old = prepared(db, 'SELECT revision FROM config_revisions ORDER BY revision DESC LIMIT -1 OFFSET ?').all(keep);
  const gone = old.map(({ revision }) => Number(revision));
  for (const revision of gone) drop(db, { revision });
  return gone;
}

/** Takes back a revision whose files were not written. */
function drop(db: DatabaseSync, { revision }: { revision: number }): void {
  prepared(db, 'DELETE FROM config_revisions WHERE revision = ?').run(revision);
}

/** Newest first. */
function list(db: DatabaseSync, { before, limit }: { before: number; limit: number }): readonly RevisionRow[] {
  const rows = prepared(db, 'SELECT * FROM config_revisions WHERE revision < ? ORDER BY revision DESC LIMIT ?').all(before, limit);
  return rows.map(rowOf);
}

function find(db: DatabaseSync, { revision }: { revision: number }): RevisionRow | undefined {
  const row = prepared(db, 'SELECT * FROM config_revisions WHERE revision = ?').get(revision);
  return row && rowOf(row);
}
