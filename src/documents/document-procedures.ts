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

/** What of a row may change. */
export type Standing = Pick<RevisionRow, 'revision' | 'result' | 'detail' | 'bytes' | 'sha256'>;

type Of<T> = T & { readonly name: DocumentName };

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT, last INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (kind, id)) WITHOUT ROWID;
     CREATE TABLE document_revisions (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, etag TEXT NOT NULL, author TEXT NOT NULL,
       reason TEXT NOT NULL, trace_id TEXT NOT NULL, time_ms REAL NOT NULL, result TEXT NOT NULL, detail TEXT NOT NULL, bytes INTEGER NOT NULL,
       sha256 TEXT NOT NULL, replaced_time_ms REAL, replaced_age_ms REAL, PRIMARY KEY (kind, id, revision)) WITHOUT ROWID;
     CREATE INDEX document_revisions_age ON document_revisions (kind, replaced_age_ms)`,
  ],
  writes: { add, update, drop, forget, saveState, remove },
  reads: { ids, load, list, find, expired },
};

const columns = `revision, etag, author, reason, trace_id AS "traceId", time_ms AS "timeMs", result, detail, bytes, sha256,
  replaced_time_ms AS "replacedTimeMs", replaced_age_ms AS "replacedAgeMs"`;
const ofDocument = 'kind = :kind AND id = :id';
const ofRevision = `${ofDocument} AND revision = :revision`;

function rowsOf(db: DatabaseSync, where: string, values: Readonly<Record<string, string | number>>): readonly RevisionRow[] {
  return prepared(db, `SELECT ${columns} FROM document_revisions WHERE ${where}`).all(values) as unknown as RevisionRow[];
}

/** `values` beside the name are what SQLite takes: texts, numbers and null. */
function run<T extends object>(db: DatabaseSync, sql: string, { name, ...values }: Of<T>): void {
  prepared(db, sql).run({ ...name, ...(values as Readonly<Record<string, string | number | null>>) });
}

/** Answers the revisions that are over `keep` and gone by it. The one that is replaced stays: it is the way back. */
function add(
  db: DatabaseSync,
  { name, row, replaced, keep }: Of<{ row: RevisionRow; replaced?: Replaced; keep?: number }>,
): readonly number[] {
  const columns =
    ':kind, :id, :revision, :etag, :author, :reason, :traceId, :timeMs, :result, :detail, :bytes, :sha256, :replacedTimeMs, :replacedAgeMs';
  run(db, `INSERT OR REPLACE INTO document_revisions VALUES (${columns})`, { name, ...row });
  const last = 'ON CONFLICT (kind, id) DO UPDATE SET last = max(last, excluded.last)';
  run(db, `INSERT INTO documents (kind, id, last) VALUES (:kind, :id, :revision) ${last}`, { name, revision: row.revision });
  if (replaced) setReplaced(db, { name, ...replaced });
  if (keep === undefined) return [];
  const [kept, offset] = replaced ? [replaced.revision, keep - 1] : [0, keep];
  const where = `${ofDocument} AND revision <> :kept ORDER BY revision DESC LIMIT -1 OFFSET :offset`;
  const gone = rowsOf(db, where, { ...name, kept, offset }).map(({ revision }) => revision);
  forget(db, { name, revisions: gone });
  return gone;
}

/** What became of a revision, and what its texts are. `from` is in effect again, and no backup any more. */
function update(db: DatabaseSync, { name, row, from }: Of<{ row: Standing; from?: number }>): void {
  const facts = 'result = :result, detail = :detail, bytes = :bytes, sha256 = :sha256';
  run(db, `UPDATE document_revisions SET ${facts} WHERE ${ofRevision}`, { name, ...row });
  if (from !== undefined) setReplaced(db, { name, revision: from, timeMs: null, ageMs: null });
}

/** Takes back a revision that nobody saw: its number is given out again. */
function drop(db: DatabaseSync, { name, revision, from }: Of<{ revision: number; from: number }>): void {
  forget(db, { name, revisions: [revision] });
  setReplaced(db, { name, revision: from, timeMs: null, ageMs: null });
  run(db, `UPDATE documents SET last = :revision - 1 WHERE ${ofDocument} AND last = :revision`, { name, revision });
}

function setReplaced(db: DatabaseSync, times: Of<{ revision: number; timeMs: number | null; ageMs: number | null }>): void {
  run(db, `UPDATE document_revisions SET replaced_time_ms = :timeMs, replaced_age_ms = :ageMs WHERE ${ofRevision}`, times);
}

function forget(db: DatabaseSync, { name, revisions }: Of<{ revisions: readonly number[] }>): void {
  for (const revision of revisions) run(db, `DELETE FROM document_revisions WHERE ${ofRevision}`, { name, revision });
}

function saveState(db: DatabaseSync, state: Of<{ state: string }>): void {
  const another = 'ON CONFLICT (kind, id) DO UPDATE SET state = excluded.state';
  run(db, `INSERT INTO documents (kind, id, state) VALUES (:kind, :id, :state) ${another}`, state);
}

function remove(db: DatabaseSync, { name }: Of<unknown>): void {
  for (const table of ['document_revisions', 'documents']) run(db, `DELETE FROM ${table} WHERE ${ofDocument}`, { name });
}

function ids(db: DatabaseSync, { kind }: { kind: string }): readonly string[] {
  return idsIn(prepared(db, 'SELECT id FROM documents WHERE kind = ? ORDER BY id').all(kind));
}

function idsIn(rows: readonly Record<string, unknown>[]): readonly string[] {
  return rows.map((row) => String(row['id']));
}

function load(db: DatabaseSync, { name }: Of<unknown>): LoadedDocument {
  const row = prepared(db, `SELECT state, last FROM documents WHERE ${ofDocument}`).get({ ...name });
  const state = row?.['state'];
  // Two: the newest may be the one that a death of the agent interrupted.
  const applied = rowsOf(db, `${ofDocument} AND result = 'APPLIED' ORDER BY revision DESC LIMIT 2`, { ...name });
  return { state: typeof state === 'string' ? state : undefined, last: Number(row?.['last'] ?? 0), applied };
}

/** Newest first. */
function list(db: DatabaseSync, { name, before, limit }: Of<{ before: number; limit: number }>): readonly RevisionRow[] {
  return rowsOf(db, `${ofDocument} AND revision < :before ORDER BY revision DESC LIMIT :limit`, { ...name, before, limit });
}

function find(db: DatabaseSync, { name, revision }: Of<{ revision: number }>): RevisionRow | undefined {
  return rowsOf(db, ofRevision, { ...name, revision })[0];
}

/** Documents with backups that were made before this age. The newest stays whatever its age, and so does one that is needed. */
function expired(db: DatabaseSync, { kind, beforeAgeMs }: { kind: string; beforeAgeMs: number }): readonly string[] {
  const where = 'kind = ? AND replaced_age_ms < ? GROUP BY id HAVING count(*) > 1';
  return idsIn(prepared(db, `SELECT id FROM document_revisions WHERE ${where}`).all(kind, beforeAgeMs));
}
