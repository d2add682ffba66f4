/** AlertService: what is wrong, and who has seen it. */
import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { Alert_State, AlertSchema } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { type AlertFilter, type AlertService, WatchAlertsResponseSchema } from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
import type { Alerts, AlertView } from '../../alerts/types.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { createStateFeed, type WatchedChange } from '../../kernel/state-feed.ts';
import { callOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { alertMessage } from '../convert/alert.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';
import { fedStream } from './fed-stream.ts';

export interface AlertServiceDeps {
  readonly alerts: Alerts;
}

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

const messages = feedMapping(({ items, snapshot }: WatchedChange<AlertView>) =>
  create(WatchAlertsResponseSchema, { alerts: items.map(alertMessage), snapshot }),
);

export function alertService({ alerts }: AlertServiceDeps): ServiceImpl<typeof AlertService> {
  const feed = createStateFeed<AlertView>({
    list: () => alerts.list().filter(({ state }) => state === 'FIRING'),
    onChange: (fn) => alerts.onChange((change) => fn({ items: change.alerts, removedIds: [] })),
    sizeOf: (view) => encodeMessage(AlertSchema, alertMessage(view)).length,
  });
  return {
    async listAlerts(request) {
      const { filter } = request;
      const binding = pageBinding('alerts', JSON.stringify([filter?.states ?? [], filter?.rules ?? [], filter?.subjects ?? []]));
      const after = readPageToken(request.pageToken, binding, 'string');
      const kept = alerts.list().filter((view) => keeps(filter, view) && (after === undefined || place(view) > after));
      const page = withinPage(AlertSchema, kept.slice(0, pageSize(request.pageSize)).map(alertMessage));
      const last = kept[page.length - 1];
      const nextPageToken = pageToken(binding, last !== undefined && page.length < kept.length ? place(last) : undefined);
      return { alerts: page, nextPageToken };
    },

    acknowledgeAlert: async ({ id, comment }, context) =>
      alertMessage(await alerts.acknowledge(id, callOf(context).principal.name, comment)),

    watchAlerts: (_request, context) => fedStream(mapFeed(feed.open([]), messages), context),
  };
}
