/** AlertService: what is wrong, and who has seen it. */
import { Alert_State, AlertSchema } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { type AlertFilter, AlertFilterSchema, type AlertService } from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
import type { AlertView } from '../../alerts/types.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { createStateFeed, type WatchedChange } from '../../kernel/state-feed.ts';
import { callOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';

function keeps(filter: AlertFilter | undefined, view: AlertView): boolean {
  if (filter === undefined) return true;
  const has = (values: readonly unknown[], value: unknown): boolean => values.length === 0 || values.includes(value);
  return has(filter.states, Alert_State[view.state]) && has(filter.rules, view.rule) && has(filter.subjects, view.subject);
}

/** A place in the list that stays one when the alert there has moved or is gone: rises from first to last. */
function place({ state, startTimeMs, id }: AlertView): string {
  const falling = (text: string): string => [...text].map((c) => String.fromCharCode(126 - (c.charCodeAt(0) - 32))).join('');
  return `${state === 'FIRING' ? 0 : 1}${falling(String(startTimeMs).padStart(16, '0'))}${falling(id)}`;
}

const messages = feedMapping(({ items, snapshot }: WatchedChange<AlertView>) => ({ alerts: items, snapshot }));

export function alertService({ alerts }: Pick<ServiceDeps, 'alerts'>): ServiceOf<typeof AlertService> {
  const feed = createStateFeed<AlertView>({
    list: () => alerts.list().filter(({ state }) => state === 'FIRING'),
    onChange: (fn) => alerts.onChange((change) => fn({ items: change.alerts, removedIds: [] })),
    sizeOf: (view) => encodeMessage(AlertSchema, view).length,
  });
  return {
    listAlerts(request) {
      const { filter } = request;
      const asked = askedPage(request, { list: 'alerts', said: [encodeMessage(AlertFilterSchema, filter ?? {})], cursor: 'string' });
      const kept = alerts.list().filter((view) => keeps(filter, view) && (asked.after === undefined || place(view) > asked.after));
      const { page, nextPageToken } = asked.cut(kept, { schema: AlertSchema, cursorOf: place });
      return { alerts: page, nextPageToken };
    },

    acknowledgeAlert: ({ id, comment }, context) => alerts.acknowledge(id, callOf(context).principal.name, comment),

    watchAlerts: (_request, context) => fedStream(mapFeed(feed.open([]), messages), context),
  };
}
