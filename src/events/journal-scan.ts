/** Looks for events in the journal, in bounded steps. Runs in the threads of the store. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { messageBytes } from '../kernel/wire-size.ts';
import { prepared } from '../store/index.ts';
import { compileFilter } from './filter.ts';
import { checksum, firstRevision, lastRevision, number } from './journal-rows.ts';
import { narrow } from './narrow.ts';
import { decodeBody } from './record.ts';
import { revisionsOf, stretchesWith, type Term } from './terms.ts';
import type { EventFilter } from './types.ts';

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

/** A search that knows what to look for reads the rows of so many stretches at most: most of them it passes over by a column. */
const scanStretches = 16;

/** Walks the journal from `from`, and stops when it has enough, or has looked at enough. */
export function scan(db: DatabaseSync, { filter, order, from, limit, room }: ScanArgs): ScanResult {
  const first = firstRevision(db);
  const last = lastRevision(db);
  const { where, values, term } = narrow(filter);
  const { spans, end, whole } = planWalk(db, term, { order, from, first, last });
  const matches = compileFilter(filter);
  const events: { revision: number; body: string }[] = [];
  let bytes = 0;
  let seen = 0;
  let before = from;
  const answer = (at: Pick<ScanResult, 'scanned'> & Partial<ScanResult>): ScanResult => ({
    ...{ events, bytes, first, last, done: false, damaged: false, full: false },
    ...at,
  });
  for (const row of walk(db, { where, order, spans }, values)) {
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
  return answer({ scanned: order === 'asc' ? Math.max(from, end) : end, done: whole });
}

/** Revisions that lie together, both ends counted in. */
interface Span {
  readonly first: number;
  readonly last: number;
}

interface Plan {
  /** In the order of the walk. */
  readonly spans: readonly Span[];
  /** Where everything was looked at when they are. */
  readonly end: number;
  /** Nothing lies beyond. */
  readonly whole: boolean;
}

/** Which rows one scan looks at: the next ones, or those of the stretches that hold what is looked for. */
function planWalk(db: DatabaseSync, term: Term | undefined, { order, from, first, last }: Span & Pick<ScanArgs, 'order' | 'from'>): Plan {
  const left: Span = order === 'asc' ? { first: Math.max(from + 1, first), last } : { first, last: Math.min(from - 1, last) };
  const farEnd = order === 'asc' ? last : 0;
  if (first === 0 || left.first > left.last) return { spans: [], end: farEnd, whole: true };
  if (term === undefined) {
    const next = order === 'asc' ? Math.min(left.first + scanRows - 1, last) : Math.max(left.last - scanRows + 1, first);
    const span = order === 'asc' ? { first: left.first, last: next } : { first: next, last: left.last };
    const whole = next === (order === 'asc' ? last : first);
    return { spans: [span], end: whole ? farEnd : next, whole };
  }
  const found = stretchesWith(db, term, { order, ...left, limit: scanStretches });
  const spans = found.map((stretch) => {
    const all = revisionsOf(stretch);
    return { first: Math.max(all.first, left.first), last: Math.min(all.last, left.last) };
  });
  const end = spans.at(-1);
  if (end === undefined || found.length < scanStretches) return { spans, end: farEnd, whole: true };
  return { spans, end: order === 'asc' ? end.last : end.first, whole: false };
}

interface Walk extends Pick<Plan, 'spans'>, Pick<ScanArgs, 'order'> {
  readonly where: string;
}

/** The rows of a walk in order. */
function* walk(db: DatabaseSync, { where, order, spans }: Walk, values: readonly SQLInputValue[]) {
  const sql = `SELECT revision, bytes, body, checksum FROM events WHERE revision >= ? AND revision <= ?${where} ORDER BY revision ${order}`;
  const statement = prepared(db, sql);
  for (const { first, last } of spans) yield* statement.iterate(first, last, ...values);
}
