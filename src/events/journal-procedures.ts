/** The journal's SQL. Runs in the threads of the store; what goes in and out is structured-clone data. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { messageBytes } from '../kernel/wire-size.ts';
import { type ProcedureModule, prepared } from '../store/index.ts';
import { compileFilter } from './filter.ts';
import { narrow } from './narrow.ts';
import { countRows, decodeBody, eachRow, type PackedRow, type PackedRows } from './record.ts';
import type { EventFilter } from './types.ts';

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

export interface ScanArgs {
  readonly filter: EventFilter | undefined;
  readonly order: 'asc' | 'desc';
  /** Exclusive, in the direction of `order`. */
  readonly from: number;
  /** At most this many events … */
  readonly limit: number;
  /** … and bytes, by the size that they are stored with. One event alone may be larger, where nothing else of its page was read before. */
  readonly room: number;
}

export interface ScanResult {
  readonly events: readonly { readonly revision: number; readonly body: string }[];
  /** Everything up to here was looked at; where the next scan goes on. */
  readonly scanned: number;
  /** Nothing lies beyond. */
  readonly done: boolean;
  /** Oldest and newest revision at the moment of the scan. */
  readonly first: number;
  readonly last: number;
  /** A record at `scanned` whose checksum does not fit. */
  readonly damaged: boolean;
  /** Bytes of the events. */
  readonly bytes: number;
  /** The next event found no room. */
  readonly full: boolean;
}

/** One scan looks at no more than this, so that the next reader is not kept waiting. */
const scanRows = 4000;

/** The index of traces has a part for each 1024 revisions: few pages change by an insert, and a search looks into each part. */
const stretchBits = 10;

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
     CREATE INDEX events_trace ON events (revision >> ${stretchBits}, trace_id) WHERE trace_id <> ''`,
  ],
  writes: { append, compact },
  reads: { window, scan, find },
};

function number(value: unknown): number {
  return Number(value ?? 0);
}

/** Protects a record against bits that change on the disk, which SQLite itself does not notice; its place is part of it. */
function checksum(revision: number, body: string): number {
  return crc32(body, crc32(String(revision)));
}

function lastRevision(db: DatabaseSync): number {
  return number(prepared(db, "SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()?.['seq']);
}

function firstRevision(db: DatabaseSync): number {
  return number(prepared(db, 'SELECT revision FROM events ORDER BY revision LIMIT 1').get()?.['revision']);
}

/** A duplicate burns no revision: the window has no holes. Only where there is one is the first of it looked for. */
function append(db: DatabaseSync, rows: PackedRows): AppendResult {
  const insert = prepared(
    db,
    `INSERT INTO events (revision, checksum, bytes, age_ms, severity, time_s, source, id, type, subject, trace_id, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, source) DO NOTHING`,
  );
  const revisions = new Float64Array(countRows(rows));
  const known = new Map<number, string>();
  let last = lastRevision(db);
  eachRow(rows, (row, index) => {
    const revision = last + 1;
    const { changes } = insert.run(revision, checksum(revision, row[9]), ...row);
    if (Number(changes) > 0) last = revision;
    else known.set(index, firstOf(db, row).body);
    revisions[index] = Number(changes) > 0 ? revision : firstOf(db, row).revision;
  });
  return { revisions, known };
}

function firstOf(db: DatabaseSync, [, , , , source, id]: PackedRow): { readonly revision: number; readonly body: string } {
  const row = prepared(db, 'SELECT revision, body FROM events WHERE id = ? AND source = ?').get(id, source);
  return { revision: number(row?.['revision']), body: String(row?.['body']) };
}

/** Removes from the old end what any of the three limits asks for. */
function compact(db: DatabaseSync, { beforeAgeMs, overCount, overBytes, chunk }: CompactArgs): CompactResult {
  let removed = 0;
  let removedBytes = 0;
  let upTo = 0;
  let oldestAgeMs: number | undefined;
  for (const row of prepared(db, 'SELECT revision, bytes, age_ms FROM events ORDER BY revision LIMIT ?').iterate(chunk)) {
    const ageMs = number(row['age_ms']);
    if (removed >= overCount && removedBytes >= overBytes && ageMs >= beforeAgeMs) {
      oldestAgeMs = ageMs;
      break;
    }
    removed += 1;
    removedBytes += number(row['bytes']);
    upTo = number(row['revision']);
  }
  if (removed > 0) prepared(db, 'DELETE FROM events WHERE revision <= ?').run(upTo);
  return { removed, removedBytes, first: firstRevision(db), last: lastRevision(db), oldestAgeMs, more: removed === chunk };
}

function window(db: DatabaseSync): Window {
  const row = prepared(db, 'SELECT count(*) AS count, total(bytes) AS bytes FROM events').get();
  return { first: firstRevision(db), last: lastRevision(db), count: number(row?.['count']), bytes: number(row?.['bytes']) };
}

/** Walks the journal from `from`, and stops when it has enough, or has looked at enough. */
function scan(db: DatabaseSync, { filter, order, from, limit, room }: ScanArgs): ScanResult {
  const first = firstRevision(db);
  const last = lastRevision(db);
  const { where, values, indexed, traced } = narrow(filter);
  const end = order === 'asc' ? Math.max(from, first - 1) + scanRows : Math.min(from, last + 1) - scanRows;
  const range = order === 'asc' ? 'revision > ? AND revision <= ?' : 'revision < ? AND revision >= ?';
  const far = order === 'asc' ? Number.MAX_SAFE_INTEGER : 0;
  const columns = `SELECT revision, bytes, body, checksum FROM events WHERE ${range}${where}`;
  const matches = compileFilter(filter);
  const events: { revision: number; body: string }[] = [];
  let bytes = 0;
  let seen = 0;
  let before = from;
  const answer = (at: Pick<ScanResult, 'scanned'> & Partial<ScanResult>): ScanResult => ({
    ...{ events, bytes, first, last, done: false, damaged: false, full: false },
    ...at,
  });
  const rows = walk(db, { sql: columns, order, stretches: traced ? { first, last } : undefined }, [from, indexed ? far : end, ...values]);
  for (const row of rows) {
    const revision = number(row['revision']);
    const body = String(row['body']);
    const damaged = checksum(revision, body) !== number(row['checksum']);
    if (damaged) return answer({ scanned: revision, damaged });
    seen += 1;
    if (matches(decodeBody(revision, body))) {
      const size = number(row['bytes']);
      const lone = events.length === 0 && room >= messageBytes;
      if (bytes + size > room && !lone) return answer({ scanned: before, full: true });
      events.push({ revision, body });
      bytes += size;
    }
    before = revision;
    if (events.length >= limit || seen >= scanRows) return answer({ scanned: revision });
  }
  const whole = indexed || (order === 'asc' ? end >= last : end <= first);
  const scanned = order === 'asc' ? Math.max(from, whole ? last : end) : whole ? 0 : end;
  return answer({ scanned, done: whole });
}

interface Walk {
  readonly sql: string;
  readonly order: 'asc' | 'desc';
  /** Where the index has parts, the revisions that there are. */
  readonly stretches: { readonly first: number; readonly last: number } | undefined;
}

/** The rows of a walk in order: of one statement, or of one for each part of the index that the walk comes by. */
function* walk(db: DatabaseSync, { sql, order, stretches }: Walk, [from, to, ...values]: readonly SQLInputValue[]) {
  const ordered = `ORDER BY revision ${order} LIMIT ${scanRows}`;
  if (stretches === undefined) return yield* prepared(db, `${sql} ${ordered}`).iterate(from ?? 0, to ?? 0, ...values);
  const part = (revision: number): number => Math.floor(revision / 2 ** stretchBits);
  const statement = prepared(db, `${sql} AND revision >> ${stretchBits} = ? ${ordered}`);
  const [oldest, newest] = [part(stretches.first), part(stretches.last)];
  const begin = Math.min(Math.max(part(number(from)), oldest), newest);
  const step = order === 'asc' ? 1 : -1;
  for (let at = begin; at >= oldest && at <= newest; at += step) yield* statement.iterate(from ?? 0, to ?? 0, ...values, at);
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
