import type { Alert } from '../../../gen/ts/sboxagent/v1/alert.ts';
import type { Handler } from '../command-spec.ts';
import { listFromAgents } from '../fleet/ask-agents.ts';
import { withFleet } from '../fleet/with-fleet.ts';
import { print, styleOf } from '../output.ts';
import { type Column, listTable } from '../table.ts';
import { alertColumns, listAlerts } from './alerts.ts';

type Row = Alert & { readonly agent: string };

const columns: readonly Column<Row>[] = [{ title: 'AGENT', cell: ({ agent }) => agent, whole: true }, ...alertColumns];

/** Firing ones first, then the newest. */
function inOrder(a: Row, b: Row): number {
  if (a.state !== b.state) return a.state === 'FIRING' ? -1 : 1;
  return (b.start_time ?? '').localeCompare(a.start_time ?? '');
}

export const fleetAlerts: Handler = (context, _args, flags) =>
  withFleet(context, async (client) => {
    const states = flags['firing'] === true ? (['FIRING'] as const) : [];
    const { rows, code } = await listFromAgents<Alert>(context, client, {
      flags,
      list: async (dial) => {
        const agent = dial.connect();
        return listAlerts(agent, [...states]).finally(() => agent.close());
      },
    });
    const style = await styleOf(context);
    const sorted = rows.toSorted(inOrder);
    await print(context, { alerts: sorted }, () =>
      listTable(columns, sorted, { style, none: flags['firing'] === true ? 'No alert fires.' : 'There is no alert.' }),
    );
    return code;
  });
