/** Events: proto -> domain. A stored event has the fields of its message. */
import { type Event, Event_Severity, EventSchema, type EventFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/event_pb.js';
import type { EventReceipt, WatchEventsResponse } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { EventFilter, JsonObject, NewEvent, Receipt, Severity, StoredEvent, WatchItem } from '../../events/types.ts';
import { severities } from '../../events/types.ts';
import type { Fields } from '../codec/fields.ts';
import { jsonWriter } from '../codec/json.ts';
import { checkSpan, instantOf } from './time.ts';

function severityOf(value: Event_Severity): Severity | undefined {
  return severities.find((name) => Event_Severity[name] === value);
}

/** Events as publishers hand them in. The journal judges them, all in one walk; to it an empty text says nothing. */
export function newEvents(events: readonly Event[]): NewEvent[] {
  return events.map(({ id, type, source, subject, severity, priority, time, traceId, spanId, correlationId, data, attributes }) => ({
    ...{ id, type, source, subject, priority, traceId, spanId, correlationId, attributes },
    severity: severityOf(severity),
    time: time && instantOf(time),
    data: data as JsonObject | undefined,
  }));
}

/** As REST writes it. */
export function eventText(event: StoredEvent): string {
  return jsonWriter(EventSchema)(event);
}

/** Throws INVALID_REQUEST for moments that are none. */
export function eventFilter(filter: ProtoFilter | undefined): EventFilter | undefined {
  if (filter === undefined) return undefined;
  checkSpan(filter);
  const { minSeverity, since, until, types, sources, subjects, traceId, text } = filter;
  return {
    ...{ types, sources, subjects, traceId, text },
    minSeverity: severityOf(minSeverity),
    since: since && instantOf(since),
    until: until && instantOf(until),
  };
}

export function receiptMessage({ event: { id, revision }, duplicate }: Receipt): Fields<EventReceipt> {
  return { id, revision, duplicate };
}

/** The message of one item of a watch. */
export function watchMessage(item: WatchItem): Fields<WatchEventsResponse> {
  const { revision } = item;
  switch (item.kind) {
    case 'events':
      return { events: item.events, revision };
    case 'progress':
      return { progress: { revision }, revision };
    case 'gap':
      return { gap: item, revision };
  }
}
