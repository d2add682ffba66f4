/** Traces: proto <-> domain. */
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Trace, TraceEntry as TraceEntryMessage, TraceSummary as TraceSummaryMessage } from '../../../gen/es/sboxagent/v1/trace_pb.js';
import type { TraceFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
import type { TraceEntry, TraceFilter, TraceStory, TraceSummary } from '../../traces/types.ts';
import type { Fields } from '../codec/fields.ts';
import { spanMs } from './time.ts';

function entryMessage(entry: TraceEntry): Fields<TraceEntryMessage> {
  const { kind, timeMs } = entry;
  switch (kind) {
    case 'SPAN': {
      const { spanId, parentId, name, code, message, attributes, durationMs: ms } = entry.span;
      return { kind, timeMs, durationMs: ms, id: spanId, parentId, name, status: code, source: 'agent', message, attributes };
    }
    case 'EVENT': {
      const { id, spanId, type, severity, source, subject, attributes, revision } = entry.event;
      return { kind, timeMs, revision, id, parentId: spanId, name: type, status: severity, source, message: subject, attributes };
    }
    case 'LOG': {
      const { cursor, level, source, message, spanId } = entry.line;
      return { kind, timeMs, id: cursor, cursor, parentId: spanId, name: level, status: level, source, message };
    }
  }
}

export function traceMessage({ startMs, entries, ...rest }: TraceStory): Fields<Trace> {
  return { ...rest, startTimeMs: startMs, entries: entries.map(entryMessage) };
}

export function summaryMessage({ startMs, ...rest }: TraceSummary): Fields<TraceSummaryMessage> {
  return { ...rest, startTimeMs: startMs };
}

/** Throws INVALID_REQUEST for moments that are none. */
export function traceFilter(filter: ProtoFilter | undefined): TraceFilter {
  const { minDuration, methods = [], errorsOnly = false, text = '' } = filter ?? {};
  return { minDurationMs: minDuration === undefined ? 0 : durationMs(minDuration), methods, errorsOnly, text, ...spanMs(filter) };
}
