/** The traces' SQL. Runs in the threads of the store. */
import type { DatabaseSync } from 'node:sqlite';
import { globCondition } from '../store/glob.ts';
import { prepared } from '../store/prepared.ts';
import type { ProcedureModule } from '../store/types.ts';
import type { FinishedSpan } from '../telemetry/types.ts';
import type { Worth } from './sampling.ts';
import type { TraceListOptions, TraceSummary } from './types.ts';

/** Bytes that a span takes beside its texts. */
const rowBytes = 120;
/** Spans that one look at the bounds removes: more would hold up the writer. */
const mostRemoved = 2000;
/** Share of the bytes that usual spans keep however many others come. */
const usualShare = 0.25;
/** Traces that one look at a list goes over. */
const mostLookedAt = 2000;

export interface Bounds {
  /** On the ageing clock. */
  readonly nowMs: number;
  readonly ageMs: number;
  readonly bytes: number;
}

export interface KeptSpan {
  readonly span: FinishedSpan;
  readonly worth: Worth;
}

export interface AppendArgs {
  readonly spans: readonly KeptSpan[];
  readonly bounds: Bounds;
}

/** Traces of a look, newest first. */
export interface TraceScan {
  readonly traces: readonly TraceSummary[];
  /** Place of the last trace that was looked at; undefined where there was none. */
  readonly scanned: string | undefined;
  /** Whether there is nothing after it. */
  readonly done: boolean;
}

/** When the oldest span was written, on the ageing clock; undefined without spans. */
export type Oldest = number | undefined;

function failed(code: string): boolean {
  return code !== 'OK' && code !== 'CANCELLED';
}

interface Total {
  bytes: number;
  /** Of usual spans. */
  usualBytes: number;
}

function totalOf(db: DatabaseSync): Total {
  const row = prepared(db, 'SELECT bytes, usual_bytes FROM trace_total').get();
  return { bytes: Number(row?.['bytes'] ?? 0), usualBytes: Number(row?.['usual_bytes'] ?? 0) };
}

function putTotal(db: DatabaseSync, { bytes, usualBytes }: Total): void {
  prepared(db, 'INSERT OR REPLACE INTO trace_total (one, bytes, usual_bytes) VALUES (1, ?, ?)').run(bytes, usualBytes);
}

function count(total: Total, bytes: number, usual: boolean): void {
  total.bytes += bytes;
  if (usual) total.usualBytes += bytes;
}

function insert(db: DatabaseSync, total: Total, { span, worth, agedMs }: KeptSpan & { readonly agedMs: number }): void {
  const { traceId, spanId, parentId, name, startMs, durationMs, code, message } = span;
  const attributes = JSON.stringify(span.attributes);
  const texts = [traceId, spanId, parentId, name, code, message, attributes];
  const bytes = texts.reduce((sum, text) => sum + text.length, rowBytes);
  const usual = worth === 'usual';
  prepared(
    db,
    `INSERT INTO trace_spans (trace_id, span_id, parent_id, name, code, message, attributes, start_ms, duration_ms, aged_ms, bytes, usual)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(...texts, startMs, durationMs, agedMs, bytes, usual ? 1 : 0);
  prepared(
    db,
    `INSERT INTO traces (trace_id, root, start_ms, end_ms, spans, errors) VALUES (?, ?, ?, ?, 1, ?)
     ON CONFLICT (trace_id) DO UPDATE SET
       root = CASE WHEN excluded.start_ms < start_ms THEN excluded.root ELSE root END,
       start_ms = min(start_ms, excluded.start_ms), end_ms = max(end_ms, excluded.end_ms),
       spans = spans + 1, errors = errors + excluded.errors`,
  ).run(traceId, name, startMs, startMs + durationMs, failed(code) ? 1 : 0);
  count(total, bytes, usual);
}

const worths = { all: 'TRUE', usual: 'usual = 1', notable: 'usual = 0' } as const;

/** Removes spans, those that were written first before others, while `goesOn` says so; and the traces that have none left. */
function removeWhile(
  db: DatabaseSync,
  total: Total,
  { which, goesOn }: { readonly which: keyof typeof worths; readonly goesOn: (agedMs: number) => boolean },
): void {
  const where = worths[which];
  let upTo = 0;
  const removed = new Map<string, number>();
  const rows = prepared(db, `SELECT seq, trace_id, aged_ms, bytes, usual FROM trace_spans WHERE ${where} ORDER BY seq LIMIT ?`);
  for (const row of rows.iterate(mostRemoved)) {
    if (!goesOn(Number(row['aged_ms']))) break;
    upTo = Number(row['seq']);
    count(total, -Number(row['bytes']), row['usual'] === 1);
    const traceId = String(row['trace_id']);
    removed.set(traceId, (removed.get(traceId) ?? 0) + 1);
  }
  if (upTo === 0) return;
  prepared(db, `DELETE FROM trace_spans WHERE ${where} AND seq <= ?`).run(upTo);
  for (const [traceId, spans] of removed) prepared(db, 'UPDATE traces SET spans = spans - ? WHERE trace_id = ?').run(spans, traceId);
  prepared(db, 'DELETE FROM traces WHERE spans <= 0').run();
}

/**
 * Keeps to the bounds: what is too old goes, and where there is too much, usual spans make room for the others until they have
 * `usualShare` of it.
 */
function prune(db: DatabaseSync, { nowMs, ageMs, bytes: mostBytes }: Bounds): Oldest {
  const total = totalOf(db);
  const before = total.bytes;
  removeWhile(db, total, { which: 'all', goesOn: (agedMs) => agedMs < nowMs - ageMs });
  const isOver = (): boolean => total.bytes > mostBytes;
  if (isOver()) removeWhile(db, total, { which: 'usual', goesOn: () => isOver() && total.usualBytes > mostBytes * usualShare });
  if (isOver()) removeWhile(db, total, { which: 'notable', goesOn: isOver });
  if (total.bytes !== before) putTotal(db, total);
  const oldest = prepared(db, 'SELECT aged_ms FROM trace_spans ORDER BY seq LIMIT 1').get();
  return oldest === undefined ? undefined : Number(oldest['aged_ms']);
}

function spanOf(row: Record<string, unknown>): FinishedSpan {
  const text = (name: string): string => String(row[name]);
  return {
    traceId: text('trace_id'),
    spanId: text('span_id'),
    parentId: text('parent_id'),
    name: text('name'),
    startMs: Number(row['start_ms']),
    durationMs: Number(row['duration_ms']),
    code: text('code'),
    message: text('message'),
    attributes: JSON.parse(text('attributes')),
  };
}

function summaryOf(row: Record<string, unknown>): TraceSummary {
  const startMs = Number(row['start_ms']);
  const durationMs = Number(row['end_ms']) - startMs;
  const [traceId, root] = [String(row['trace_id']), String(row['root'])];
  return { traceId, root, startMs, durationMs, spans: Number(row['spans']), error: Number(row['errors']) > 0 };
}

/** A condition about some span of the trace. */
function someSpan(condition: string): string {
  return `EXISTS (SELECT 1 FROM trace_spans s WHERE s.trace_id = traces.trace_id AND (${condition}))`;
}

/** The traces that are kept by a filter: what it says of the trace, or of some span of it. */
function condition({ filter }: TraceListOptions): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (sql: string, ...more: readonly (string | number)[]): void => {
    conditions.push(sql);
    values.push(...more);
  };
  if (filter.minDurationMs > 0) where('end_ms - start_ms >= ?', filter.minDurationMs);
  if (filter.errorsOnly) where('errors > 0');
  if (filter.methods.length > 0) {
    const whole = globCondition(
      "replace(s.name, '/', '.')",
      filter.methods.map((glob) => glob.replaceAll('/', '.')),
    );
    const last = globCondition("substr(s.name, instr(s.name, '/') + 1)", filter.methods);
    where(someSpan(`${whole.sql} OR ${last.sql}`), ...whole.values, ...last.values);
  }
  if (filter.text !== '') {
    const needle = filter.text.toLowerCase();
    where(someSpan("instr(lower(s.name || ' ' || s.message || ' ' || s.attributes), ?) > 0"), needle);
  }
  return { sql: conditions.join(' AND ') || '1', values };
}

/** The stretch of the list that is looked at: from a moment and a place on. */
function stretch({ filter, cursor }: TraceListOptions): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const conditions = ['1'];
  const values: (string | number)[] = [];
  if (filter.sinceMs !== undefined) conditions.push('start_ms >= ?');
  if (filter.sinceMs !== undefined) values.push(filter.sinceMs);
  if (filter.untilMs !== undefined) conditions.push('start_ms < ?');
  if (filter.untilMs !== undefined) values.push(filter.untilMs);
  if (cursor !== undefined) {
    const [startMs, traceId = ''] = cursor.split(':');
    conditions.push('(start_ms, trace_id) < (?, ?)');
    values.push(Number(startMs), traceId);
  }
  return { sql: conditions.join(' AND '), values };
}

/** One bounded look: what is over is another one, so that other readers have their turn in between, and who has left costs no more. */
function list(db: DatabaseSync, asked: TraceListOptions): TraceScan {
  const [where, kept] = [stretch(asked), condition(asked)];
  const most = kept.sql === '1' ? Math.min(asked.pageSize, mostLookedAt) : mostLookedAt;
  const sql = `SELECT *, (${kept.sql}) AS kept
    FROM (SELECT * FROM traces WHERE ${where.sql} ORDER BY start_ms DESC, trace_id DESC LIMIT ${most}) AS traces
    ORDER BY start_ms DESC, trace_id DESC`;
  const traces: TraceSummary[] = [];
  let scanned: string | undefined;
  let count = 0;
  for (const row of db.prepare(sql).iterate(...kept.values, ...where.values)) {
    if (traces.length === asked.pageSize) return { traces, scanned, done: false };
    count += 1;
    const summary = summaryOf(row);
    scanned = `${summary.startMs}:${summary.traceId}`;
    if (Number(row['kept']) !== 0) traces.push(summary);
  }
  return { traces, scanned, done: count < most };
}

export const procedures: ProcedureModule = {
  migrations: [
    `CREATE TABLE trace_spans (seq INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL,
       name TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, attributes TEXT NOT NULL, start_ms REAL NOT NULL,
       duration_ms REAL NOT NULL, aged_ms REAL NOT NULL, bytes INTEGER NOT NULL);
     CREATE INDEX trace_spans_trace ON trace_spans (trace_id);
     CREATE TABLE traces (trace_id TEXT PRIMARY KEY, root TEXT NOT NULL, start_ms REAL NOT NULL, end_ms REAL NOT NULL,
       spans INTEGER NOT NULL, errors INTEGER NOT NULL);
     CREATE INDEX traces_start ON traces (start_ms, trace_id);
     CREATE INDEX traces_empty ON traces (spans) WHERE spans <= 0;
     CREATE TABLE trace_total (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL)`,
    `ALTER TABLE trace_spans ADD COLUMN usual INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX trace_spans_usual ON trace_spans (seq) WHERE usual = 1;
     ALTER TABLE trace_total ADD COLUMN usual_bytes INTEGER NOT NULL DEFAULT 0`,
  ],
  writes: {
    append(db, { spans, bounds }: AppendArgs): Oldest {
      const total = totalOf(db);
      for (const kept of spans) insert(db, total, { ...kept, agedMs: bounds.nowMs });
      putTotal(db, total);
      return prune(db, bounds);
    },
    prune,
  },
  reads: {
    list,
    spans: (db, { traceId, limit }: { traceId: string; limit: number }): readonly FinishedSpan[] =>
      prepared(db, 'SELECT * FROM trace_spans WHERE trace_id = ? ORDER BY start_ms, seq LIMIT ?').all(traceId, limit).map(spanOf),
  },
};
