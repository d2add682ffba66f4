/** The audit's SQL. Runs in the threads of the store, and in the command line on the state directory. */
import type { DatabaseSync } from 'node:sqlite';
import { globCondition } from '../store/glob.ts';
import { prepared } from '../store/prepared.ts';
import type { ProcedureModule } from '../store/types.ts';
import { hashOf, noHash } from './chain.ts';
import type { AuditCall, AuditEntry, AuditListOptions, AuditPage, AuditResult } from './types.ts';

/** Bytes that an entry takes beside its texts. */
const rowBytes = 160;
/** Characters of a text, and texts of `changes`: what is over is left out. */
const mostText = 256;
const mostChanges = 64;
/** Entries that one look at the bounds removes: more would hold up the writer. */
const mostRemoved = 2000;

export interface BeginArgs {
  readonly id: string;
  readonly call: AuditCall;
}

/** `id` is that of the intent which the entry completes; empty where there was none. */
export interface FinishArgs extends BeginArgs {
  readonly result: AuditResult;
  readonly agedMs: number;
}

export interface Bounds {
  /** On the ageing clock. */
  readonly nowMs: number;
  readonly ageMs: number;
  readonly bytes: number;
}

/** What there is after a write or a look. */
export interface Extent {
  readonly bytes: number;
  /** When the oldest entry was written, on the ageing clock; undefined without entries. */
  readonly oldestMs: number | undefined;
}

interface Chain {
  readonly anchor: string;
  readonly anchorSequence: number;
  readonly lastHash: string;
  readonly lastSequence: number;
  readonly bytes: number;
}

export function chainOf(db: DatabaseSync): Chain | undefined {
  const row = prepared(db, 'SELECT anchor, anchor_sequence, last_hash, last_sequence, bytes FROM audit_chain').get();
  if (row === undefined) return undefined;
  return {
    anchor: String(row['anchor']),
    anchorSequence: Number(row['anchor_sequence']),
    lastHash: String(row['last_hash']),
    lastSequence: Number(row['last_sequence']),
    bytes: Number(row['bytes']),
  };
}

/** Where a chain begins: after a damaged database was moved aside, numbers go on from it. */
function newChain(db: DatabaseSync): Chain {
  const row = prepared(db, "SELECT seq FROM sqlite_sequence WHERE name = 'audit_entries'").get();
  const sequence = Number(row?.['seq'] ?? 0);
  return { anchor: noHash, anchorSequence: sequence, lastHash: noHash, lastSequence: sequence, bytes: 0 };
}

function putChain(db: DatabaseSync, { anchor, anchorSequence, lastHash, lastSequence, bytes }: Chain): void {
  prepared(
    db,
    'INSERT OR REPLACE INTO audit_chain (one, anchor, anchor_sequence, last_hash, last_sequence, bytes) VALUES (1, ?, ?, ?, ?, ?)',
  ).run(anchor, anchorSequence, lastHash, lastSequence, bytes);
}

/** What a caller chose (an id, a name) as it can be stored and read again to the letter, of a bounded length. */
function clean(text: string): string {
  return text
    .slice(0, mostText)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\ufffd');
}

function append(db: DatabaseSync, call: AuditCall, { result, agedMs }: Pick<FinishArgs, 'result' | 'agedMs'>): void {
  const chain = chainOf(db) ?? newChain(db);
  const sequence = chain.lastSequence + 1;
  const { code, reason } = result;
  const [principal, via, peer, method] = [clean(call.principal), clean(call.via), clean(call.peer), clean(call.method)];
  const [target, traceId] = [clean(result.target ?? call.target), clean(call.traceId)];
  const changes = (result.changes ?? call.changes).slice(0, mostChanges).map(clean);
  const entry = { sequence, timeMs: call.timeMs, principal, via, peer, method, target, code, reason, traceId, changes };
  const hash = hashOf(entry, chain.lastHash);
  const texts = [principal, via, peer, method, target, code, reason, traceId, JSON.stringify(changes), hash];
  const bytes = texts.reduce((sum, text) => sum + text.length, rowBytes);
  prepared(
    db,
    `INSERT INTO audit_entries (sequence, time_ms, aged_ms, bytes, principal, via, peer, method, target, code, reason, trace_id, changes, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(sequence, call.timeMs, agedMs, bytes, ...texts);
  putChain(db, { ...chain, lastHash: hash, lastSequence: sequence, bytes: chain.bytes + bytes });
}

function extentOf(db: DatabaseSync): Extent {
  const row = prepared(db, 'SELECT aged_ms FROM audit_entries ORDER BY sequence LIMIT 1').get();
  return { bytes: chainOf(db)?.bytes ?? 0, oldestMs: row === undefined ? undefined : Number(row['aged_ms']) };
}

/** Removes from the old end only; the hash of the last one that goes is what the rest is anchored to. */
function prune(db: DatabaseSync, { nowMs, ageMs, bytes: mostBytes }: Bounds): Extent {
  const chain = chainOf(db);
  if (chain === undefined) return extentOf(db);
  const rows = prepared(db, 'SELECT sequence, aged_ms, bytes, hash FROM audit_entries ORDER BY sequence LIMIT ?').iterate(mostRemoved);
  let { anchor, anchorSequence, bytes } = chain;
  for (const row of rows) {
    if (Number(row['aged_ms']) >= nowMs - ageMs && bytes <= mostBytes) break;
    anchor = String(row['hash']);
    anchorSequence = Number(row['sequence']);
    bytes -= Number(row['bytes']);
  }
  if (anchorSequence !== chain.anchorSequence) {
    prepared(db, 'DELETE FROM audit_entries WHERE sequence <= ?').run(anchorSequence);
    putChain(db, { ...chain, anchor, anchorSequence, bytes });
  }
  return extentOf(db);
}

export function entryOf(row: Record<string, unknown>): AuditEntry {
  const text = (name: string): string => String(row[name]);
  return {
    sequence: Number(row['sequence']),
    timeMs: Number(row['time_ms']),
    principal: text('principal'),
    via: text('via'),
    peer: text('peer'),
    method: text('method'),
    target: text('target'),
    code: text('code'),
    reason: text('reason'),
    traceId: text('trace_id'),
    changes: JSON.parse(text('changes')),
    hash: text('hash'),
  };
}

function list(db: DatabaseSync, { filter, order, pageSize, cursor }: AuditListOptions): AuditPage {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const oneOf = (column: string, wanted: readonly string[]): void => {
    if (wanted.length === 0) return;
    conditions.push(`${column} IN (${wanted.map(() => '?').join(', ')})`);
    values.push(...wanted);
  };
  const bound = (condition: string, value: number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  oneOf('principal', filter.principals);
  oneOf('target', filter.targets);
  oneOf('code', filter.codes);
  if (filter.methods.length > 0) {
    const { sql, values: globs } = globCondition('method', filter.methods);
    conditions.push(sql);
    values.push(...globs);
  }
  bound('time_ms >= ?', filter.sinceMs);
  bound('time_ms < ?', filter.untilMs);
  bound(order === 'asc' ? 'sequence > ?' : 'sequence < ?', cursor);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = db.prepare(`SELECT * FROM audit_entries ${where} ORDER BY sequence ${order} LIMIT ?`).all(...values, pageSize + 1);
  const entries = rows.slice(0, pageSize).map(entryOf);
  return { entries, nextCursor: rows.length > pageSize ? entries.at(-1)?.sequence : undefined };
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE audit_entries (sequence INTEGER PRIMARY KEY AUTOINCREMENT, time_ms REAL NOT NULL, aged_ms REAL NOT NULL,
       bytes INTEGER NOT NULL, principal TEXT NOT NULL, via TEXT NOT NULL, peer TEXT NOT NULL, method TEXT NOT NULL, target TEXT NOT NULL,
       code TEXT NOT NULL, reason TEXT NOT NULL, trace_id TEXT NOT NULL, changes TEXT NOT NULL, hash TEXT NOT NULL);
     CREATE TABLE audit_intents (id TEXT PRIMARY KEY, body TEXT NOT NULL);
     CREATE TABLE audit_chain (one INTEGER PRIMARY KEY CHECK (one = 1), anchor TEXT NOT NULL, anchor_sequence INTEGER NOT NULL,
       last_hash TEXT NOT NULL, last_sequence INTEGER NOT NULL, bytes INTEGER NOT NULL)`,
  ],
  writes: {
    begin(db, { id, call }: BeginArgs): void {
      prepared(db, 'INSERT INTO audit_intents (id, body) VALUES (?, ?)').run(id, JSON.stringify(call));
    },
    finish(db, { id, call, result, agedMs }: FinishArgs): Extent {
      if (id !== '') prepared(db, 'DELETE FROM audit_intents WHERE id = ?').run(id);
      append(db, call, { result, agedMs });
      return extentOf(db);
    },
    /** Intents that the end of the last agent left: nobody knows how they ended. Answers how many. */
    recover(db, { agedMs }: { agedMs: number }): { readonly count: number; readonly extent: Extent } {
      const rows = prepared(db, 'SELECT body FROM audit_intents ORDER BY rowid').all();
      for (const { body } of rows) append(db, JSON.parse(String(body)), { result: { code: 'UNKNOWN', reason: 'INTERRUPTED' }, agedMs });
      prepared(db, 'DELETE FROM audit_intents').run();
      return { count: rows.length, extent: extentOf(db) };
    },
    prune,
  },
  reads: { list },
};
