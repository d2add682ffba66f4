import type { Clock } from '../kernel/clock.ts';
import { ulid } from '../kernel/ids.ts';
import type { Redactor } from '../kernel/redaction.ts';
import type { FreshEvent } from './record.ts';
import type { Instant, NewEvent, PublishContext } from './types.ts';

export interface IngestContext extends PublishContext {
  readonly clock: Clock;
  /** Undefined when masking is switched off. */
  readonly redactor: Redactor | undefined;
}

/** Makes a valid event whole: fills in what is absent, brings ids of traces to one form, masks secrets. */
export function ingest(event: NewEvent, context: IngestContext): FreshEvent {
  const now = context.clock.wallMs();
  const ingestTime = instantOf(now);
  const trace = traceOf(event, context);
  const given = event.attributes ?? {};
  const attributes = {
    ...given,
    ...(trace.original !== undefined && { original_trace_id: trace.original }),
    ...context.stamp?.(event),
  };
  const data = masked(event.data, 'data', context.redactor);
  const facts = masked(attributes, 'attributes', context.redactor);
  return {
    id: event.id || ulid(now),
    type: event.type,
    source: event.source || context.source,
    subject: event.subject ?? '',
    severity: event.severity ?? 'INFO',
    priority: event.priority ?? 50,
    time: event.time ?? ingestTime,
    ingestTime,
    traceId: trace.traceId,
    spanId: trace.spanId,
    correlationId: event.correlationId ?? '',
    data: data.value,
    attributes: facts.value ?? {},
    redacted: [...data.paths, ...facts.paths],
  };
}

export function instantOf(wallMs: number): Instant {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanos: Math.floor(wallMs - seconds * 1000) * 1_000_000 };
}

interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  /** As the publisher wrote it, where that was another form. */
  readonly original?: string;
}

/** 32 hex digits of a UUID or of the 8 digits that sboxmgr logs; without any, the trace of the publishing call. */
function traceOf({ traceId: given, spanId = '' }: NewEvent, call: PublishContext): Trace {
  if (!given) return { traceId: call.traceId ?? '', spanId: spanId || (call.spanId ?? '') };
  const traceId = given.replaceAll('-', '').toLowerCase().padStart(32, '0');
  return given.length === 32 ? { traceId, spanId } : { traceId, spanId, original: given };
}

function masked<T extends NonNullable<NewEvent['data' | 'attributes']>>(
  value: T | undefined,
  root: string,
  redactor: Redactor | undefined,
): { readonly value: T | undefined; readonly paths: readonly string[] } {
  return value === undefined || !redactor ? { value, paths: [] } : redactor.json(value, root);
}
