import type { Definition } from './dashboard.ts';

const these = 'instance=~"$instance", process=~"$process"';

/** What the engines carry, by their own APIs, beside what it costs. */
export const engines: Definition = {
  name: 'engines',
  summary: 'What the engines carry, by their own APIs, beside what it costs.',
  variables: [{ name: 'process', query: 'label_values(sboxagent_engine_receive_bytes_total{instance=~"$instance"}, process)' }],
  rows: [
    {
      title: 'Traffic',
      panels: [
        {
          title: 'To the users',
          unit: 'Bps',
          stacked: true,
          width: 12,
          queries: [[`rate(sboxagent_engine_receive_bytes_total{${these}}[$__rate_interval])`, '{{process}} {{instance}}']],
        },
        {
          title: 'From the users',
          unit: 'Bps',
          stacked: true,
          width: 12,
          queries: [[`rate(sboxagent_engine_transmit_bytes_total{${these}}[$__rate_interval])`, '{{process}} {{instance}}']],
        },
        { title: 'Connections', unit: 'short', queries: [[`sboxagent_engine_connections{${these}}`, '{{process}} {{instance}}']] },
        {
          title: 'Within a day',
          type: 'stat',
          unit: 'bytes',
          queries: [
            [`sum by (process) (increase(sboxagent_engine_receive_bytes_total{${these}}[24h]))`, '{{process}} down'],
            [`sum by (process) (increase(sboxagent_engine_transmit_bytes_total{${these}}[24h]))`, '{{process}} up'],
          ],
        },
        {
          title: 'Ever',
          type: 'stat',
          unit: 'bytes',
          help: 'Over all runs of engine and agent.',
          queries: [
            [
              `sum by (process) (sboxagent_engine_receive_bytes_total{${these}} + sboxagent_engine_transmit_bytes_total{${these}})`,
              '{{process}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'What it costs',
      panels: [
        { title: 'CPUs', unit: 'short', queries: [[`sboxagent_process_cpu_usage_ratio{${these}, engine!=""}`, '{{process}}']] },
        {
          title: 'Resident memory',
          unit: 'bytes',
          queries: [[`sboxagent_process_resident_memory_bytes{${these}, engine!=""}`, '{{process}}']],
        },
        {
          title: 'CPU seconds a gigabyte',
          unit: 's',
          help: 'What carrying costs: it rises with the cipher, and with an engine that works for nothing.',
          queries: [
            [
              `1e9 * avg_over_time(sboxagent_process_cpu_usage_ratio{${these}, engine!=""}[5m]) / on (job, instance, process) group_left () (process:sboxagent_engine_receive_bytes:rate5m{${these}} + process:sboxagent_engine_transmit_bytes:rate5m{${these}} > 1000)`,
              '{{process}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'How they are',
      panels: [
        {
          title: 'READY',
          type: 'state-timeline',
          unit: 'short',
          width: 12,
          queries: [[`sboxagent_process_state{${these}, engine!="", state="READY"}`, '{{process}} ({{engine}})']],
        },
        {
          title: 'Restarts within an hour',
          unit: 'short',
          width: 12,
          redFrom: 3,
          queries: [[`increase(sboxagent_process_restarts_total{${these}, engine!=""}[1h])`, '{{process}}']],
        },
      ],
    },
  ],
};
