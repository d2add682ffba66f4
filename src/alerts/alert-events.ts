import type { JsonObject, NewEvent } from '../events/index.ts';
import type { Entry } from './book.ts';
import type { AlertView } from './types.ts';

/** How far an alert's events have to be: 1 firing, 2 resolved. */
export function due({ view }: Entry): number {
  return view.state === 'FIRING' ? 1 : 2;
}

/** The events that are not in the journal yet. Their ids are the alert's own, so that none is stored twice. */
export function unpublished(entry: Entry): readonly NewEvent[] {
  const events: NewEvent[] = [];
  if (entry.told < 1) events.push(eventOf(entry.view, 'firing'));
  if (entry.told < 2 && due(entry) === 2) events.push(eventOf(entry.view, 'resolved'));
  return events;
}

function eventOf(view: AlertView, what: 'firing' | 'resolved'): NewEvent {
  const { id, rule, subject, summary, severity, value, threshold, labels, traceId } = view;
  const data: JsonObject = { rule, subject, summary, severity, value, threshold, labels };
  return {
    type: `alert.${what}`,
    id: `${id}-${what}`,
    subject: id,
    severity: what === 'firing' ? severity : 'INFO',
    ...(/^[0-9a-f]{32}$/.test(traceId) && { traceId }),
    data,
  };
}
