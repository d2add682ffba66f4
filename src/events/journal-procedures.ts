/** The journal's SQL. Runs in the threads of the store; what goes in and out is structured-clone data. */
import type { DatabaseSync } from 'node:sqlite';
import { type ProcedureModule, prepared } from '../store/index.ts';
import { checksum, firstRevision, lastRevision, number } from './journal-rows.ts';
import { scan } from './journal-scan.ts';
import { countRows, eachRow, type PackedRows, type Row } from './record.ts';
import { createTermNotes, forgetTermsBefore, termsMigration } from './terms.ts';

/** What became of the rows of one call. */
export interface AppendResult {
  /** Of each row. */
  readonly revisions: Float64Array;
  /** Events that were stored before under the (source, id) of a row, by its index: that row was not stored. */
  readonly known: ReadonlyMap<number, string>;
}

export interface Window {
  /** 0 when empty. */
  readonly first: number;
  /** Newest revision ever given out. */
  readonly last: number;
  readonly count: number;
  readonly bytes: number;
}

export interface CompactArgs {
  /** Events that are older go. */
  readonly beforeAgeMs: number;
  /** How many of the oldest are over the count. */
  readonly overCount: number;
  /** How many bytes are over the limit. */
  readonly overBytes: number;
  /** At most this many are looked at. */
  readonly chunk: number;
}

export interface CompactResult {
  readonly removed: number;
  readonly removedBytes: number;
  /** Oldest kept; 0 when nothing is left. */
  readonly first: number;
  /** Newest revision at that moment. */
  readonly last: number;
  /** Age (`age_ms`) of the oldest kept; undefined when nothing is left. */
  readonly oldestAgeMs: number | undefined;
  /** The chunk was not enough. */
  readonly more: boolean;
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE events (
       revision INTEGER PRIMARY KEY AUTOINCREMENT,
       bytes INTEGER NOT NULL,
       age_ms INTEGER NOT NULL,
       severity INTEGER NOT NULL,
       time_s INTEGER NOT NULL,
       source TEXT NOT NULL,
       id TEXT NOT NULL,
       type TEXT NOT NULL,
       subject TEXT NOT NULL,
       trace_id TEXT NOT NULL,
       checksum INTEGER NOT NULL,
       body TEXT NOT NULL
     );
     CREATE UNIQUE INDEX events_id ON events (id, source);
     CREATE INDEX events_type ON events (type);
     CREATE INDEX events_subject ON events (subject) WHERE subject <> '';
     CREATE INDEX events_trace ON events (trace_id) WHERE trace_id <> ''`,
    // Trace ids are random: an index by them alone makes each insert change a page of its own. By stretches of the journal it stays where it is.
    `DROP INDEX events_trace;
     CREATE INDEX events_trace ON events (revision >> 10, trace_id) WHERE trace_id <> ''`,
    termsMigration,
  ],
  writes: { append, compact },
  reads: { window, scan, find },
};

/** A duplicate burns no revision: the window has no holes. Only where there is one is the first of it looked for. */
function append(db: DatabaseSync, rows: PackedRows): AppendResult {
  const insert = prepared(
    db,
    `INSERT INTO events (revision, checksum, bytes, age_ms, severity, time_s, source, id, type, subject, trace_id, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, source) DO NOTHING`,
  );
  const note = createTermNotes(db);
  const revisions = new Float64Array(countRows(rows));
  const known = new Map<number, string>();
  let last = lastRevision(db);
  eachRow(rows, (row, index) => {
    const revision = last + 1;
    const { changes } = insert.run(revision, checksum(revision, row[9]), ...row);
    if (Number(changes) > 0) {
      last = revision;
      note('type', row[6], revision);
      note('subject', row[7], revision);
      note('trace', row[8], revision);
    } else known.set(index, firstOf(db, row).body);
    revisions[index] = Number(changes) > 0 ? revision : firstOf(db, row).revision;
  });
  return { revisions, known };
}

function firstOf(db: DatabaseSync, [, , , , source, id]: Row): { readonly revision: number; readonly body: string } {
  const row = prepared(db, 'SELECT revision, body FROM events WHERE id = ? AND source = ?').get(id, source);
  return { revision: number(row?.['revision']), body: String(row?.['body']) };
}

/** Removes from the old end what any of the three limits asks for. */
function compact(db: DatabaseSync, { beforeAgeMs, overCount, overBytes, chunk }: CompactArgs): CompactResult {
  let removed = 0;
  let removedBytes = 0;
  let upTo = 0;
  let oldestAgeMs: number | undefined;
  const oldest = prepared(db, 'SELECT revision, bytes, age_ms FROM events ORDER BY revision LIMIT ?');
  // A third of the cost of objects with names.
  oldest.setReturnArrays(true);
  for (const [revision, bytes, ageMs] of oldest.iterate(chunk) as Iterable<unknown> as Iterable<[number, number, number]>) {
    if (removed >= overCount && removedBytes >= overBytes && ageMs >= beforeAgeMs) {
      oldestAgeMs = ageMs;
      break;
    }
    removed += 1;
    removedBytes += bytes;
    upTo = revision;
  }
  if (removed > 0) {
    prepared(db, 'DELETE FROM events WHERE revision <= ?').run(upTo);
    forgetTermsBefore(db, upTo + 1);
  }
  return { removed, removedBytes, first: firstRevision(db), last: lastRevision(db), oldestAgeMs, more: removed === chunk };
}

function window(db: DatabaseSync): Window {
  const row = prepared(db, 'SELECT count(*) AS count, total(bytes) AS bytes FROM events').get();
  return { first: firstRevision(db), last: lastRevision(db), count: number(row?.['count']), bytes: number(row?.['bytes']) };
}

function find(db: DatabaseSync, { id, source }: { id: string; source: string | undefined }) {
  const row =
    source === undefined
      ? prepared(db, 'SELECT revision, body, checksum FROM events WHERE id = ? ORDER BY revision DESC LIMIT 1').get(id)
      : prepared(db, 'SELECT revision, body, checksum FROM events WHERE id = ? AND source = ?').get(id, source);
  if (!row) return undefined;
  const revision = number(row['revision']);
  const body = String(row['body']);
  return { revision, body, damaged: checksum(revision, body) !== number(row['checksum']) };
}
