/** Events: proto <-> domain. */
import { create, type JsonObject as ProtoObject } from '@bufbuild/protobuf';
import { type Event, Event_Severity, EventSchema, type EventFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { type EventReceipt, EventReceiptSchema } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { EventFilter, JsonObject, NewEvent, Receipt, Severity, StoredEvent } from '../../events/types.ts';
import { severities } from '../../events/types.ts';
import { jsonWriter } from '../codec/json.ts';
import { checkSpan, instantOf, timestampOf } from './time.ts';

export interface EventLimits {
  /** Levels that `data` may nest. */
  readonly maxDepth: number;
}

function severityOf(value: Event_Severity): Severity | undefined {
  return severities.find((name) => Event_Severity[name] === value);
}

function newEvent(event: Event): NewEvent {
  const severity = severityOf(event.severity);
  return {
    type: event.type,
    ...(event.id !== '' && { id: event.id }),
    ...(event.source !== '' && { source: event.source }),
    ...(event.subject !== '' && { subject: event.subject }),
    ...(severity !== undefined && { severity }),
    ...(event.priority !== undefined && { priority: event.priority }),
    ...(event.time !== undefined && { time: instantOf(event.time) }),
    ...(event.traceId !== '' && { traceId: event.traceId }),
    ...(event.spanId !== '' && { spanId: event.spanId }),
    ...(event.correlationId !== '' && { correlationId: event.correlationId }),
    ...(event.data !== undefined && { data: event.data as JsonObject }),
    attributes: event.attributes,
  };
}

/** Events as publishers hand them in. The journal judges them, all in one walk. */
export function newEvents(events: readonly Event[]): NewEvent[] {
  return events.map(newEvent);
}

function protoEvent(event: StoredEvent): Event {
  return create(EventSchema, {
    id: event.id,
    revision: BigInt(event.revision),
    type: event.type,
    source: event.source,
    subject: event.subject,
    severity: Event_Severity[event.severity],
    priority: event.priority,
    time: timestampOf(event.time),
    ingestTime: timestampOf(event.ingestTime),
    traceId: event.traceId,
    spanId: event.spanId,
    correlationId: event.correlationId,
    ...(event.data !== undefined && { data: event.data as ProtoObject }),
    attributes: { ...event.attributes },
    redacted: [...event.redacted],
  });
}

const messages = new WeakMap<StoredEvent, Event>();

/** Made once for each stored event, whoever asks; nobody changes it. */
export function eventMessage(event: StoredEvent): Event {
  let message = messages.get(event);
  if (message === undefined) {
    message = protoEvent(event);
    messages.set(event, message);
  }
  return message;
}

/** As REST writes it. */
export function eventText(event: StoredEvent): string {
  return jsonWriter(EventSchema)(eventMessage(event));
}

/** Throws INVALID_REQUEST for moments that are none. */
export function eventFilter(filter: ProtoFilter | undefined): EventFilter | undefined {
  if (filter === undefined) return undefined;
  checkSpan(filter);
  const minSeverity = severityOf(filter.minSeverity);
  return {
    types: filter.types,
    sources: filter.sources,
    subjects: filter.subjects,
    ...(minSeverity !== undefined && { minSeverity }),
    ...(filter.since !== undefined && { since: instantOf(filter.since) }),
    ...(filter.until !== undefined && { until: instantOf(filter.until) }),
    ...(filter.traceId !== '' && { traceId: filter.traceId }),
    ...(filter.text !== '' && { text: filter.text }),
  };
}

export function receiptMessage(receipt: Receipt): EventReceipt {
  return create(EventReceiptSchema, {
    id: receipt.event.id,
    revision: BigInt(receipt.event.revision),
    duplicate: receipt.duplicate,
  });
}
