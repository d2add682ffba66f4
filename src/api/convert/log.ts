/** Log entries: proto <-> domain. */
import { create, type JsonObject as ProtoObject } from '@bufbuild/protobuf';
import {
  type LogEntry,
  LogEntry_Level,
  LogEntry_Stream,
  LogEntrySchema,
  type LogFilter as ProtoFilter,
} from '../../../gen/es/sboxagent/v1/log_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { type LogFilter, levels, type LogEntry as StoredEntry } from '../../logs/types.ts';
import { ceilMs, checkSpan, fromMs } from './time.ts';

export function entryMessage(entry: StoredEntry): LogEntry {
  return create(LogEntrySchema, {
    cursor: String(entry.seq),
    time: fromMs(entry.timeMs),
    source: entry.source,
    level: LogEntry_Level[entry.level],
    message: entry.message,
    stream: LogEntry_Stream[entry.stream],
    pid: entry.pid,
    traceId: entry.traceId,
    spanId: entry.spanId,
    ...(entry.fields !== undefined && { fields: entry.fields as ProtoObject }),
    truncated: entry.truncated,
    partial: entry.partial,
  });
}

/** Throws INVALID_REQUEST for moments that are none. */
export function logFilter(filter: ProtoFilter | undefined): LogFilter | undefined {
  if (filter === undefined) return undefined;
  checkSpan(filter);
  const minLevel = levels.find((name) => LogEntry_Level[name] === filter.minLevel);
  return {
    sources: filter.sources,
    ...(minLevel !== undefined && { minLevel }),
    ...(filter.since !== undefined && { sinceMs: ceilMs(filter.since) }),
    ...(filter.until !== undefined && { untilMs: ceilMs(filter.until) }),
    ...(filter.text !== '' && { text: filter.text }),
    ...(filter.traceId !== '' && { traceId: filter.traceId }),
  };
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
