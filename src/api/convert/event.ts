/** Events: proto -> domain. A stored event has the fields of its message. */
import { Event_Severity, EventSchema, type EventFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/event_pb.js';
import type { EventReceipt, WatchEventsResponse } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { EventFilter, JsonObject, NewEvent, Receipt, Severity, StoredEvent, WatchItem } from '../../events/types.ts';
import { severities } from '../../events/types.ts';
import type { Fields } from '../codec/fields.ts';
import { jsonWriter } from '../codec/json.ts';
import type { TextEvent } from '../codec/read-events.ts';
import { checkSpan, instantOf } from './time.ts';

const severityNames = new Map<number, Severity>(severities.map((name) => [Event_Severity[name], name]));

/** Events as publishers hand them in. The journal judges them, all in one walk; to it an empty text says nothing. */
export function newEvents(events: readonly TextEvent[]): NewEvent[] {
  return events.map((event) => ({
    id: event.id,
    type: event.type,
    source: event.source,
    subject: event.subject,
    severity: severityNames.get(event.severity),
    priority: event.priority,
    time: event.time && instantOf(event.time),
    traceId: event.traceId,
    spanId: event.spanId,
    correlationId: event.correlationId,
    data: event.dataText === undefined ? (event.data as JsonObject | undefined) : undefined,
    dataText: event.dataText,
    attributes: event.attributes,
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
    minSeverity: severityNames.get(minSeverity),
    since: since && instantOf(since),
    until: until && instantOf(until),
  };
}

export function receiptMessage({ id, revision, duplicate }: Receipt): Fields<EventReceipt> {
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
