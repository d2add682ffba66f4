import type { Definition } from './dashboard.ts';

const here = 'instance=~"$instance"';
const these = `${here}, plugin=~"$plugin"`;

/** sboxmgr and its plugins: how they are, what they did, what they report themselves. */
export const plugins: Definition = {
  name: 'plugins',
  summary: 'sboxmgr and its plugins: how they are, what they did, what they report themselves.',
  variables: [{ name: 'plugin', query: 'label_values(sboxagent_plugin_up{instance=~"$instance"}, plugin)' }],
  rows: [
    {
      title: 'How they are',
      panels: [
        { title: 'Up', type: 'state-timeline', unit: 'short', queries: [[`sboxagent_plugin_up{${these}}`, '{{plugin}}']] },
        {
          title: 'Health',
          type: 'state-timeline',
          unit: 'short',
          help: '1 healthy, 0.5 degraded, 0 unhealthy.',
          queries: [[`sboxagent_plugin_health{${these}}`, '{{plugin}}']],
        },
        { title: 'Since the lease was renewed', unit: 's', queries: [[`sboxagent_plugin_lease_age_seconds{${these}}`, '{{plugin}}']] },
        {
          title: 'Recovery steps within an hour',
          unit: 'short',
          redFrom: 3,
          queries: [[`increase(sboxagent_plugin_recoveries_total{${these}}[1h])`, '{{plugin}}']],
        },
        {
          title: 'What they report themselves',
          type: 'table',
          unit: 'short',
          width: 16,
          queries: [[`{__name__=~"sboxagent_custom_.+", ${these}}`, '']],
        },
      ],
    },
    {
      title: 'What sboxmgr did',
      panels: [
        {
          title: 'Subscriptions within an hour',
          unit: 'short',
          queries: [[`increase(sboxagent_business_subscriptions_processed_total{${here}}[1h])`, '{{instance}}']],
        },
        {
          title: 'Configurations within an hour',
          unit: 'short',
          queries: [[`increase(sboxagent_business_configs_generated_total{${here}}[1h])`, '{{instance}}']],
        },
        {
          title: 'Errors within an hour',
          unit: 'short',
          queries: [[`increase(sboxagent_business_errors_total{${here}}[1h])`, '{{instance}}']],
        },
        {
          title: 'Time that the work took',
          unit: 's',
          queries: [0.5, 0.95].map((q) => [
            `histogram_quantile(${q}, sum by (le) (increase(sboxagent_business_processing_seconds_bucket{${here}}[1h])))`,
            `p${q * 100}`,
          ]),
        },
        {
          title: 'Scheduled runs within a day',
          unit: 'short',
          queries: [[`sum by (result) (increase(sboxagent_schedule_runs_total{${here}}[24h]))`, '{{result}}']],
        },
        {
          title: 'Duration of scheduled runs',
          unit: 's',
          queries: [
            [
              `rate(sboxagent_schedule_run_duration_seconds_sum{${here}}[1h]) / (rate(sboxagent_schedule_run_duration_seconds_count{${here}}[1h]) > 0)`,
              'mean {{instance}}',
            ],
          ],
        },
      ],
    },
  ],
};
