/** Log entries: proto <-> domain. */
import { type LogEntry, LogEntry_Level, type LogFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/log_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { type LogFilter, levels, type LogEntry as StoredEntry } from '../../logs/types.ts';
import type { Fields } from '../codec/fields.ts';
import { spanMs } from './time.ts';

export function entryMessage(entry: StoredEntry): Fields<LogEntry> {
  return { ...entry, cursor: String(entry.seq) };
}

/** Throws INVALID_REQUEST for moments that are none. */
export function logFilter(filter: ProtoFilter | undefined): LogFilter | undefined {
  if (filter === undefined) return undefined;
  const { sources, minLevel, text, traceId } = filter;
  return { sources, minLevel: levels.find((name) => LogEntry_Level[name] === minLevel), text, traceId, ...spanMs(filter) };
}

/** The number behind a cursor that the agent gave out; undefined for none. Throws CURSOR_INVALID. */
export function logCursor(text: string): number | undefined {
  if (text === '') return undefined;
  const cursor = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(cursor)) {
    throw new AgentError('CURSOR_INVALID', 'after_cursor is no cursor of this agent', {
      violations: [{ field: 'after_cursor', message: 'is no cursor of this agent' }],
    });
  }
  return cursor;
}
