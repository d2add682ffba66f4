import type { JsonObject } from '../events/types.ts';
import { normalTraceId } from '../kernel/trace-id.ts';
import { type Level, type LogEntry, type LogFilter, type LogStream, levels } from './types.ts';

/** How far a spool was read when a line was stored: what a restarted agent goes on from. */
export interface SpoolMark {
  /** Which spool file (inode and birth). */
  readonly key: string;
  /** Bytes of the spool up to and including this line, over all its truncations. */
  readonly offset: number;
  /** The rest of this line, up to its line feed, is to be skipped. */
  readonly skip: boolean;
}

/** A line on its way into the store: it has no place yet. */
export interface Draft extends Omit<LogEntry, 'seq'> {
  readonly mark?: SpoolMark;
}

export interface StoredEntry extends LogEntry {
  readonly mark?: SpoolMark;
}

/** The stored form: short keys, `s` (the seq) first, so that it can be found without parsing; what is empty is left out. */
interface Wire {
  s: number;
  t: number;
  l: number;
  m: string;
  e?: 1;
  p?: number;
  x?: string;
  y?: string;
  f?: JsonObject;
  c?: 1;
  h?: 1;
  k?: [string, number, 0 | 1];
}

export function encode(seq: number, draft: Draft): string {
  const wire: Wire = { s: seq, t: draft.timeMs, l: levels.indexOf(draft.level), m: draft.message };
  if (draft.stream === 'STDERR') wire.e = 1;
  if (draft.pid !== 0) wire.p = draft.pid;
  if (draft.traceId !== '') wire.x = draft.traceId;
  if (draft.spanId !== '') wire.y = draft.spanId;
  if (draft.fields !== undefined) wire.f = draft.fields;
  if (draft.truncated) wire.c = 1;
  if (draft.partial) wire.h = 1;
  if (draft.mark) wire.k = [draft.mark.key, draft.mark.offset, draft.mark.skip ? 1 : 0];
  return `${JSON.stringify(wire)}\n`;
}

/** Undefined for a line that is not whole (power was lost while it was written). */
export function decode(line: string, source: string): StoredEntry | undefined {
  try {
    const wire = JSON.parse(line) as Wire;
    if (!Number.isSafeInteger(wire.s)) return undefined;
    const stream: LogStream = wire.e === 1 ? 'STDERR' : 'STDOUT';
    const entry: LogEntry = {
      seq: wire.s,
      timeMs: wire.t,
      source,
      level: levels[wire.l] ?? 'INFO',
      message: wire.m,
      stream,
      pid: wire.p ?? 0,
      traceId: wire.x ?? '',
      spanId: wire.y ?? '',
      fields: wire.f,
      truncated: wire.c === 1,
      partial: wire.h === 1,
    };
    return wire.k ? { ...entry, mark: { key: wire.k[0], offset: wire.k[1], skip: wire.k[2] === 1 } } : entry;
  } catch {
    return undefined;
  }
}

/** The seq of a stored line by its first bytes; NaN where there is none. */
export function seqAt(bytes: Buffer, start: number): number {
  return Number(/^\{"s":(\d+),/.exec(bytes.toString('latin1', start, start + 32))?.[1]);
}

/** A filter as a function; levels and text are prepared once. */
export function matcher(filter: LogFilter = {}): (entry: LogEntry) => boolean {
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  const traceId = filter.traceId && normalTraceId(filter.traceId);
  const admits = sourceMatcher(filter);
  const rank = (level: Level): number => levels.indexOf(level);
  const least = filter.minLevel ? rank(filter.minLevel) : 0;
  const text = filter.text?.toLowerCase();
  return (entry) =>
    admits(entry.source) &&
    rank(entry.level) >= least &&
    entry.timeMs >= sinceMs &&
    entry.timeMs < untilMs &&
    (!traceId || entry.traceId === traceId) &&
    (!text || entry.message.toLowerCase().includes(text));
}

export function sourceMatcher(filter: LogFilter = {}): (source: string) => boolean {
  const sources = filter.sources?.length ? new Set(filter.sources) : undefined;
  return (source) => sources?.has(source) ?? true;
}
