/** Traces: domain -> proto. */
import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, durationMs } from '@bufbuild/protobuf/wkt';
import {
  type Trace,
  TraceEntry_Kind,
  type TraceEntry as TraceEntryMessage,
  TraceEntrySchema,
  TraceSchema,
  type TraceSummary as TraceSummaryMessage,
  TraceSummarySchema,
} from '../../../gen/es/sboxagent/v1/trace_pb.js';
import type { TraceFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
import type { TraceEntry, TraceFilter, TraceStory, TraceSummary } from '../../traces/types.ts';
import { ceilMs, checkSpan, timestampOf } from './time.ts';

/** Durations of spans are shorter than a millisecond. */
function durationOf(ms: number): Duration {
  const nanos = Math.max(0, Math.round(ms * 1_000_000));
  return create(DurationSchema, { seconds: BigInt(Math.floor(nanos / 1_000_000_000)), nanos: nanos % 1_000_000_000 });
}

function momentOf(ms: number) {
  const seconds = Math.floor(ms / 1000);
  return timestampOf({ seconds, nanos: Math.floor((ms - seconds * 1000) * 1000) * 1000 });
}

function entryMessage(entry: TraceEntry): TraceEntryMessage {
  const time = momentOf(entry.timeMs);
  switch (entry.kind) {
    case 'SPAN': {
      const { spanId, parentId, name, code, message, attributes, durationMs: ms } = entry.span;
      const own = { id: spanId, parentId, name, status: code, source: 'agent', message, attributes: { ...attributes } };
      return create(TraceEntrySchema, { kind: TraceEntry_Kind.SPAN, time, duration: durationOf(ms), ...own });
    }
    case 'EVENT': {
      const { id, spanId, type, severity, source, subject, attributes, revision } = entry.event;
      const own = { id, parentId: spanId, name: type, status: severity, source, message: subject, attributes: { ...attributes } };
      return create(TraceEntrySchema, { kind: TraceEntry_Kind.EVENT, time, revision: BigInt(revision), ...own });
    }
    case 'LOG': {
      const { cursor, level, source, message, spanId } = entry.line;
      const own = { id: cursor, cursor, parentId: spanId, name: level, status: level, source, message };
      return create(TraceEntrySchema, { kind: TraceEntry_Kind.LOG, time, ...own });
    }
  }
}

export function traceMessage({ startMs, durationMs: ms, entries, ...rest }: TraceStory): Trace {
  return create(TraceSchema, { ...rest, startTime: momentOf(startMs), duration: durationOf(ms), entries: entries.map(entryMessage) });
}

export function summaryMessage({ startMs, durationMs: ms, ...rest }: TraceSummary): TraceSummaryMessage {
  return create(TraceSummarySchema, { ...rest, startTime: momentOf(startMs), duration: durationOf(ms) });
}

/** Throws INVALID_REQUEST for moments that are none. */
export function traceFilter(filter: ProtoFilter | undefined): TraceFilter {
  checkSpan(filter);
  return {
    sinceMs: filter?.since === undefined ? undefined : ceilMs(filter.since),
    untilMs: filter?.until === undefined ? undefined : ceilMs(filter.until),
    minDurationMs: filter?.minDuration === undefined ? 0 : durationMs(filter.minDuration),
    methods: filter?.methods ?? [],
    errorsOnly: filter?.errorsOnly ?? false,
    text: filter?.text ?? '',
  };
}
