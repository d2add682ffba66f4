import type { Definition } from './dashboard.ts';

const here = 'instance=~"$instance"';

/** All agents of a fleet on one page: who is there, whose events come through, what runs, what fires. */
export const fleet: Definition = {
  name: 'fleet',
  summary: 'All agents of a fleet: who is there, whose events come through, what runs, what fires.',
  rows: [
    {
      title: 'Who is there',
      panels: [
        {
          title: 'Agents by state',
          type: 'stat',
          unit: 'short',
          help: 'As the agent that watches over the others says it.',
          queries: [[`max by (state) (sboxagent_fleet_agents{${here}})`, '{{state}}']],
        },
        { title: 'Over time', unit: 'short', queries: [[`max by (state) (sboxagent_fleet_agents{${here}})`, '{{state}}']] },
        {
          title: 'NATS servers reached',
          type: 'state-timeline',
          unit: 'short',
          queries: [[`sboxagent_fleet_connected{${here}}`, '{{instance}}']],
        },
        {
          title: 'Agents by version',
          type: 'stat',
          unit: 'short',
          queries: [[`count by (version) (sboxagent_build_info{${here}})`, '{{version}}']],
        },
        {
          title: 'Who watches over the others',
          type: 'table',
          unit: 'short',
          queries: [[`sboxagent_fleet_agents{${here}, state="UP"}`, '']],
        },
        {
          title: 'Gone, as each one that watched said it',
          unit: 'short',
          redFrom: 1,
          queries: [[`sboxagent_fleet_agents{${here}, state="GONE"}`, '{{instance}}']],
        },
      ],
    },
    {
      title: 'Events on their way',
      panels: [
        {
          title: 'Sent',
          unit: 'ops',
          stacked: true,
          queries: [[`rate(sboxagent_fleet_forwarded_total{${here}}[$__rate_interval])`, '{{instance}}']],
        },
        {
          title: 'That the fleet does not have yet',
          unit: 'short',
          queries: [
            [`sboxagent_fleet_lag_events{${here}}`, '{{instance}}'],
            [`sboxagent_fleet_in_flight_events{${here}}`, 'in flight {{instance}}'],
          ],
        },
        {
          title: 'Lost or cut within an hour',
          unit: 'short',
          redFrom: 1,
          queries: [
            [`increase(sboxagent_fleet_gap_events_total{${here}}[1h])`, 'over the retention {{instance}}'],
            [`increase(sboxagent_fleet_truncated_total{${here}}[1h])`, 'without their data {{instance}}'],
          ],
        },
      ],
    },
    {
      title: 'What runs, and what fires',
      panels: [
        {
          title: 'Processes by state',
          unit: 'short',
          stacked: true,
          queries: [[`sum by (state) (sboxagent_process_state{${here}})`, '{{state}}']],
        },
        {
          title: 'Processes that are not ready',
          type: 'table',
          unit: 'short',
          queries: [[`sum by (instance, process) (sboxagent_process_state{${here}, state!="READY"}) == 1`, '']],
        },
        {
          title: 'Alerts',
          unit: 'short',
          redFrom: 1,
          queries: [[`sum by (instance, rule) (sboxagent_alerts_firing{${here}})`, '{{instance}} {{rule}}']],
        },
      ],
    },
  ],
};
