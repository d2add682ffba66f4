import type { Definition } from './dashboard.ts';

const here = 'instance=~"$instance"';
const calls = `rpc_server_call_duration_seconds_count{${here}`;

/** The agent itself: whether it lives, what is asked of it, the machine under it. */
export const agent: Definition = {
  name: 'agent',
  summary: 'Whether the agent lives, what is asked of it, and the machine under it.',
  rows: [
    {
      title: 'Now',
      panels: [
        { title: 'Scraped', type: 'stat', unit: 'short', width: 4, queries: [[`up{job="sboxagent", ${here}}`, '{{instance}}']] },
        { title: 'Up for', type: 'stat', unit: 's', width: 5, queries: [[`sboxagent_up_seconds{${here}}`, '{{instance}}']] },
        {
          title: 'Alerts of the agent',
          type: 'stat',
          unit: 'short',
          width: 5,
          redFrom: 1,
          queries: [[`sum by (instance) (sboxagent_alerts_firing{${here}})`, '{{instance}}']],
        },
        { title: 'Version', type: 'table', unit: 'short', width: 10, queries: [[`sboxagent_build_info{${here}}`, '']] },
      ],
    },
    {
      title: 'Calls',
      panels: [
        {
          title: 'Calls by method',
          unit: 'reqps',
          stacked: true,
          queries: [[`sum by (rpc_method) (rate(${calls}}[$__rate_interval]))`, '{{rpc_method}}']],
        },
        {
          title: 'Calls by protocol',
          unit: 'reqps',
          stacked: true,
          queries: [[`sum by (rpc_system_name) (rate(${calls}}[$__rate_interval]))`, '{{rpc_system_name}}']],
        },
        {
          title: 'Duration of calls',
          unit: 's',
          exemplars: true,
          help: 'Without streams and calls that wait for a process. Dots are traces.',
          queries: [0.5, 0.9, 0.99].map((q) => [
            `histogram_quantile(${q}, sum by (le) (rate(rpc_server_call_duration_seconds_bucket{${here}, rpc_method!~".*/(Watch.*|Tail.*|Publish.*|Apply.*|Rollback.*|StartProcess|StopProcess|RestartProcess)"}[$__rate_interval])))`,
            `p${q * 100}`,
          ]),
        },
        {
          title: 'Answers that are no OK',
          unit: 'reqps',
          help: 'All codes: most are the callers’ own doing.',
          queries: [[`sum by (rpc_status_code) (rate(${calls}, rpc_status_code!="OK"}[$__rate_interval]))`, '{{rpc_status_code}}']],
        },
        {
          title: 'Share of calls that fail by our fault',
          unit: 'percentunit',
          redFrom: 0.05,
          queries: [[`instance:sboxagent_call_faults:ratio_rate5m{${here}}`, '{{instance}}']],
        },
        {
          title: 'Refused at the door',
          unit: 'reqps',
          queries: [
            [`sum by (reason) (rate(sboxagent_auth_denied_total{${here}}[$__rate_interval]))`, '{{reason}}'],
            [`sum (rate(sboxagent_rate_limited_total{${here}}[$__rate_interval]))`, 'rate limit'],
            [`sum by (limit) (rate(sboxagent_limit_refused_total{${here}}[$__rate_interval])) > 0`, 'limit {{limit}}'],
          ],
        },
        { title: 'Connections', unit: 'short', queries: [[`sboxagent_connections{${here}}`, '{{instance}}']] },
        { title: 'Streams', unit: 'short', stacked: true, queries: [[`sum by (kind) (sboxagent_streams{${here}})`, '{{kind}}']] },
        {
          title: 'How late timers run',
          unit: 's',
          redFrom: 0.25,
          queries: [[`sboxagent_event_loop_delay_seconds{${here}}`, '{{stat}} {{instance}}']],
        },
      ],
    },
    {
      title: 'The machine, or what its container may use',
      panels: [
        { title: 'CPU', unit: 'percentunit', redFrom: 0.95, queries: [[`sboxagent_system_cpu_usage_ratio{${here}}`, '{{instance}}']] },
        {
          title: 'Memory',
          unit: 'bytes',
          queries: [
            [`sboxagent_system_memory_used_bytes{${here}}`, 'used {{instance}}'],
            [`sboxagent_system_memory_total_bytes{${here}}`, 'there is {{instance}}'],
          ],
        },
        {
          title: 'Disk of the state directory',
          unit: 'percentunit',
          redFrom: 0.9,
          queries: [[`instance:sboxagent_system_disk_used:ratio{${here}}`, '{{instance}}']],
        },
        {
          title: 'Network, but for the loopback',
          unit: 'Bps',
          width: 12,
          queries: [
            [`rate(sboxagent_system_network_receive_bytes_total{${here}}[$__rate_interval])`, 'in {{instance}}'],
            [`rate(sboxagent_system_network_transmit_bytes_total{${here}}[$__rate_interval])`, 'out {{instance}}'],
          ],
        },
        { title: 'Load', unit: 'short', width: 12, queries: [[`sboxagent_system_load1{${here}}`, '{{instance}}']] },
      ],
    },
  ],
};
