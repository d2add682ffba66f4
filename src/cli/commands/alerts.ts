import type { Alert } from '../../../gen/ts/sboxagent/v1/alert.ts';
import {
  AcknowledgeAlertRequest,
  type AlertFilter,
  AlertServiceClient,
  ListAlertsRequest,
  WatchAlertsRequest,
  type WatchAlertsResponse,
} from '../../../gen/ts/sboxagent/v1/alert_service.ts';
import { type Agent, dial, unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { text } from '../flags.ts';
import { follow } from '../follow.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { type Colour, type Column, listTable, runningTable, table } from '../table.ts';

function client(agent: Agent): AlertServiceClient {
  return new AlertServiceClient(agent.address, agent.credentials, agent.channelOptions);
}

const severityColours: Partial<Record<Alert['severity'], Colour>> = { WARNING: 'yellow', ERROR: 'red', CRITICAL: 'red' };

function seen({ acknowledged }: Alert): string {
  if (acknowledged === undefined) return '';
  return acknowledged.comment === '' ? acknowledged.by : `${acknowledged.by}: ${acknowledged.comment}`;
}

export const alertColumns: readonly Column<Alert>[] = [
  { title: 'ID', cell: ({ id }) => id, width: 26, whole: true },
  { title: 'STATE', cell: ({ state }) => state, width: 8, colour: ({ state }) => (state === 'FIRING' ? 'red' : 'green') },
  { title: 'SEVERITY', cell: ({ severity }) => severity, colour: ({ severity }) => severityColours[severity], drop: 2 },
  { title: 'RULE', cell: ({ rule }) => rule, width: 18 },
  { title: 'SUBJECT', cell: ({ subject }) => subject, width: 12, whole: true },
  { title: 'SINCE', cell: ({ start_time }) => start_time ?? '', width: 24, drop: 1 },
  { title: 'UNTIL', cell: ({ end_time }) => end_time ?? '', width: 24, drop: 4 },
  { title: 'SEEN BY', cell: seen, width: 8, least: 8, drop: 3 },
  { title: 'SUMMARY', cell: ({ summary }) => summary },
];

/** All alerts, page by page: the agent bounds their number. */
export async function listAlerts(agent: Agent, states: AlertFilter['states']): Promise<Alert[]> {
  const service = client(agent);
  const all: Alert[] = [];
  let token = '';
  do {
    const request = ListAlertsRequest.fromPartial({ filter: { states }, page_size: 1000, page_token: token });
    const page = await unary(agent, service.listAlerts.bind(service), request);
    all.push(...page.alerts);
    token = page.next_page_token;
  } while (token !== '');
  return all;
}

export const list: Handler = (context, _args, flags) =>
  withAgent(context, async (agent) => {
    const alerts = await listAlerts(agent, flags['firing'] === true ? ['FIRING'] : []);
    const style = await styleOf(context);
    await print(context, alerts, () =>
      listTable(alertColumns, alerts, { style, none: flags['firing'] === true ? 'No alert fires.' : 'There is no alert.' }),
    );
    return EXIT.done;
  });

export const ack: Handler = (context, args, flags) =>
  withAgent(context, async (agent) => {
    const service = client(agent);
    const request = AcknowledgeAlertRequest.fromPartial({ id: args[0] ?? '', comment: text(flags, 'comment') ?? '' });
    const alert = await unary(agent, service.acknowledgeAlert.bind(service), request);
    const style = await styleOf(context);
    await print(context, alert, () => table(alertColumns, [alert], style));
    return EXIT.done;
  });

/** What fires now, then every change, also over a restart of the agent: what ended meanwhile is looked up. */
export const watch: Handler = async (context) => {
  const dialled = await dial(context);
  const { header, row } = runningTable(alertColumns, await styleOf(context));
  /** What was shown as firing, as it was shown. */
  const shown = new Map<string, string>();
  let isHeaderDue = true;
  let current: Agent | undefined;
  const show = async (alert: Alert): Promise<void> => {
    const form = JSON.stringify(alert);
    if (shown.get(alert.id) === form) return;
    if (alert.state === 'FIRING') shown.set(alert.id, form);
    else shown.delete(alert.id);
    await printEntry(context, alert, () => (isHeaderDue ? header : '') + row(alert));
    isHeaderDue = false;
  };
  const ended = async (firing: readonly Alert[]): Promise<void> => {
    const missing = new Set(shown.keys());
    for (const { id } of firing) missing.delete(id);
    if (missing.size === 0 || current === undefined) return;
    for (const alert of await listAlerts(current, [])) {
      // It fires on, and comes with the rest of a large snapshot.
      if (alert.state === 'FIRING') missing.delete(alert.id);
      else if (missing.has(alert.id)) await show(alert);
    }
    for (const id of missing) shown.delete(id);
  };
  await follow<WatchAlertsResponse>(context, dialled, {
    open: (agent) => {
      current = agent;
      return client(agent).watchAlerts(WatchAlertsRequest.create(), agent.metadata);
    },
    take: async ({ alerts, snapshot }) => {
      if (snapshot) await ended(alerts);
      for (const alert of alerts) await show(alert);
    },
  });
  return EXIT.done;
};
