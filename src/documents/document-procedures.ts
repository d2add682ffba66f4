/** The SQL of managed documents. Runs in the threads of the store; what goes in and out is structured-clone data. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../store/index.ts';
import type { DocumentName, RevisionResult } from './types.ts';

/** A revision as it is kept; its texts lie in a file that is checked by the hash. */
export interface RevisionRow {
  readonly revision: number;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly traceId: string;
  readonly timeMs: number;
  readonly result: RevisionResult;
  /** JSON. */
  readonly detail: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly replacedTimeMs: number | null;
  readonly replacedAgeMs: number | null;
}

/** When a revision became a backup: by the clock for people, by the store's ageing for retention. */
export interface Replaced {
  readonly revision: number;
  readonly timeMs: number;
  readonly ageMs: number;
}

export interface LoadedDocument {
  /** JSON; undefined before the first. */
  readonly state: string | undefined;
  /** The highest number that was given out. */
  readonly last: number;
  /** Newest first. */
  readonly applied: readonly RevisionRow[];
}

type Of<T> = T & { readonly name: DocumentName };

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT, last INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (kind, id)) WITHOUT ROWID;
     CREATE TABLE document_revisions (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, etag TEXT NOT NULL, author TEXT NOT NULL,
       reason TEXT NOT NULL, trace_id TEXT NOT NULL, time_ms REAL NOT NULL, result TEXT NOT NULL, detail TEXT NOT NULL, bytes INTEGER NOT NULL,
       sha256 TEXT NOT NULL, replaced_time_ms REAL, replaced_age_ms REAL, PRIMARY KEY (kind, id, revision)) WITHOUT ROWID;
     CREATE INDEX document_revisions_age ON document_revisions (kind, replaced_age_ms)`,
  ],
  writes: { add, settle, drop, amend, forget, saveState, remove },
  reads: { ids, load, list, find, expired },
};

function rowOf(row: Record<string, unknown>): RevisionRow {
  const [timeMs, ageMs] = [row['replaced_time_ms'], row['replaced_age_ms']];
  return {
    revision: Number(row['revision']),
    etag: String(row['etag']),
    author: String(row['author']),
    reason: String(row['reason']),
    traceId: String(row['trace_id']),
    timeMs: Number(row['time_ms']),
    result: String(row['result']) as RevisionResult,
    detail: String(row['detail']),
    bytes: Number(row['bytes']),
    sha256: String(row['sha256']),
    replacedTimeMs: typeof timeMs === 'number' ? timeMs : null,
    replacedAgeMs: typeof ageMs === 'number' ? ageMs : null,
  };
}

/** Answers the revisions that are over `keep` and gone by it. The one that is replaced stays: it is the way back. */
function add(
  db: DatabaseSync,
  { name: { kind, id }, row, replaced, keep }: Of<{ row: RevisionRow; replaced?: Replaced; keep?: number }>,
): readonly number[] {
  prepared(
    db,
    `INSERT OR REPLACE INTO document_revisions (kind, id, revision, etag, author, reason, trace_id, time_ms, result, detail, bytes, sha256)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    ...([kind, id, row.revision, row.etag, row.author, row.reason, row.traceId] as const),
    ...([row.timeMs, row.result, row.detail, row.bytes, row.sha256] as const),
  );
  prepared(
    db,
    'INSERT INTO documents (kind, id, last) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET last = max(last, excluded.last)',
  ).run(kind, id, row.revision);
  if (replaced) {
    prepared(db, 'UPDATE document_revisions SET replaced_time_ms = ?, replaced_age_ms = ? WHERE kind = ? AND id = ? AND revision = ?').run(
      replaced.timeMs,
      replaced.ageMs,
      kind,
      id,
      replaced.revision,
    );
  }
  if (keep === undefined) return [];
  const over = prepared(
    db,
    'SELECT revision FROM document_revisions WHERE kind = ? AND id = ? AND revision <> ? ORDER BY revision DESC LIMIT -1 OFFSET ?',
  ).all(kind, id, replaced?.revision ?? 0, replaced ? keep - 1 : keep);
  const gone = over.map(({ revision }) => Number(revision));
  forget(db, { name: { kind, id }, revisions: gone });
  return gone;
}

/** What became of a revision. `from` is in effect again, and no backup any more. */
function settle(
  db: DatabaseSync,
  { name: { kind, id }, revision, result, detail, from }: Of<{ revision: number; result: string; detail: string; from?: number }>,
): void {
  prepared(db, 'UPDATE document_revisions SET result = ?, detail = ? WHERE kind = ? AND id = ? AND revision = ?').run(
    result,
    detail,
    kind,
    id,
    revision,
  );
  if (from !== undefined) unreplace(db, { name: { kind, id }, revision: from });
}

/** Takes back a revision that nobody saw: its number is given out again. */
function drop(db: DatabaseSync, { name, revision, from }: Of<{ revision: number; from: number }>): void {
  forget(db, { name, revisions: [revision] });
  unreplace(db, { name, revision: from });
  prepared(db, 'UPDATE documents SET last = ? WHERE kind = ? AND id = ? AND last = ?').run(revision - 1, name.kind, name.id, revision);
}

function unreplace(db: DatabaseSync, { name: { kind, id }, revision }: Of<{ revision: number }>): void {
  prepared(
    db,
    'UPDATE document_revisions SET replaced_time_ms = NULL, replaced_age_ms = NULL WHERE kind = ? AND id = ? AND revision = ?',
  ).run(kind, id, revision);
}

function amend(
  db: DatabaseSync,
  { name: { kind, id }, revision, sha256, bytes }: Of<{ revision: number; sha256: string; bytes: number }>,
): void {
  prepared(db, 'UPDATE document_revisions SET sha256 = ?, bytes = ? WHERE kind = ? AND id = ? AND revision = ?').run(
    sha256,
    bytes,
    kind,
    id,
    revision,
  );
}

function forget(db: DatabaseSync, { name: { kind, id }, revisions }: Of<{ revisions: readonly number[] }>): void {
  const one = prepared(db, 'DELETE FROM document_revisions WHERE kind = ? AND id = ? AND revision = ?');
  for (const revision of revisions) one.run(kind, id, revision);
}

function saveState(db: DatabaseSync, { name: { kind, id }, state }: Of<{ state: string }>): void {
  prepared(db, 'INSERT INTO documents (kind, id, state) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET state = excluded.state').run(
    kind,
    id,
    state,
  );
}

function remove(db: DatabaseSync, { name: { kind, id } }: Of<unknown>): void {
  prepared(db, 'DELETE FROM document_revisions WHERE kind = ? AND id = ?').run(kind, id);
  prepared(db, 'DELETE FROM documents WHERE kind = ? AND id = ?').run(kind, id);
}

function ids(db: DatabaseSync, { kind }: { kind: string }): readonly string[] {
  const rows = prepared(db, 'SELECT id FROM documents WHERE kind = ? ORDER BY id').all(kind);
  return rows.map((row) => String(row['id']));
}

function load(db: DatabaseSync, { name: { kind, id } }: Of<unknown>): LoadedDocument {
  const row = prepared(db, 'SELECT state, last FROM documents WHERE kind = ? AND id = ?').get(kind, id);
  // Two: the newest may be the one that a death of the agent interrupted.
  const applied = prepared(
    db,
    "SELECT * FROM document_revisions WHERE kind = ? AND id = ? AND result = 'APPLIED' ORDER BY revision DESC LIMIT 2",
  ).all(kind, id);
  const state = row?.['state'];
  return { state: typeof state === 'string' ? state : undefined, last: Number(row?.['last'] ?? 0), applied: applied.map(rowOf) };
}

/** Newest first. */
function list(db: DatabaseSync, { name: { kind, id }, before, limit }: Of<{ before: number; limit: number }>): readonly RevisionRow[] {
  const rows = prepared(
    db,
    'SELECT * FROM document_revisions WHERE kind = ? AND id = ? AND revision < ? ORDER BY revision DESC LIMIT ?',
  ).all(kind, id, before, limit);
  return rows.map(rowOf);
}

function find(db: DatabaseSync, { name: { kind, id }, revision }: Of<{ revision: number }>): RevisionRow | undefined {
  const row = prepared(db, 'SELECT * FROM document_revisions WHERE kind = ? AND id = ? AND revision = ?').get(kind, id, revision);
  return row && rowOf(row);
}

/** Documents with backups that were made before this age. The newest stays whatever its age, and so does one that is needed. */
function expired(db: DatabaseSync, { kind, beforeAgeMs }: { kind: string; beforeAgeMs: number }): readonly string[] {
  const rows = prepared(db, 'SELECT id FROM document_revisions WHERE kind = ? AND replaced_age_ms < ? GROUP BY id HAVING count(*) > 1').all(
    kind,
    beforeAgeMs,
  );
  return rows.map((row) => String(row['id']));
}
