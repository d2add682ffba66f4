import type { Definition } from './dashboard.ts';

const these = 'instance=~"$instance", process=~"$process"';

/** What is supervised: its state, what it uses, how often it was started again, and what was done to its config. */
export const processes: Definition = {
  name: 'processes',
  summary: 'What is supervised: its state, what it uses, how often it was started again.',
  variables: [{ name: 'process', query: 'label_values(sboxagent_process_state{instance=~"$instance"}, process)' }],
  rows: [
    {
      title: 'State',
      panels: [
        {
          title: 'Processes by state',
          type: 'stat',
          unit: 'short',
          width: 6,
          queries: [['sum by (state) (instance_state:sboxagent_processes:count{instance=~"$instance"}) > 0', '{{state}}']],
        },
        {
          title: 'READY over time',
          type: 'state-timeline',
          unit: 'short',
          width: 10,
          queries: [[`sboxagent_process_state{${these}, state="READY"}`, '{{process}}']],
        },
        { title: 'State of each', type: 'table', unit: 'short', queries: [[`sboxagent_process_state{${these}} == 1`, '']] },
      ],
    },
    {
      title: 'What they use, with all that they started',
      panels: [
        {
          title: 'CPUs',
          unit: 'short',
          stacked: true,
          queries: [[`sboxagent_process_cpu_usage_ratio{${these}}`, '{{process}}']],
          help: '1 is one CPU.',
        },
        {
          title: 'Resident memory',
          unit: 'bytes',
          stacked: true,
          queries: [[`sboxagent_process_resident_memory_bytes{${these}}`, '{{process}}']],
        },
        { title: 'Open descriptors', unit: 'short', queries: [[`sboxagent_process_open_fds{${these}}`, '{{process}}']] },
      ],
    },
    {
      title: 'What happened to them',
      panels: [
        { title: 'Up for', unit: 's', queries: [[`sboxagent_process_uptime_seconds{${these}}`, '{{process}}']] },
        {
          title: 'Restarts within an hour',
          unit: 'short',
          redFrom: 3,
          queries: [[`increase(sboxagent_process_restarts_total{${these}}[1h])`, '{{process}}']],
        },
        {
          title: 'Configs put into effect within an hour',
          unit: 'short',
          queries: [['sum by (result) (increase(sboxagent_config_applies_total{instance=~"$instance"}[1h]))', '{{result}}']],
        },
      ],
    },
    {
      title: 'What they write',
      panels: [
        {
          title: 'Lines kept',
          unit: 'ops',
          width: 12,
          queries: [
            [
              'sum by (source) (rate(sboxagent_log_lines_total{instance=~"$instance", source=~"$process|agent"}[$__rate_interval]))',
              '{{source}}',
            ],
          ],
        },
        {
          title: 'Lines lost',
          unit: 'ops',
          width: 12,
          queries: [
            [
              'sum by (source) (rate(sboxagent_log_lines_dropped_total{instance=~"$instance", source=~"$process|agent"}[$__rate_interval]))',
              '{{source}}',
            ],
          ],
        },
      ],
    },
  ],
};
