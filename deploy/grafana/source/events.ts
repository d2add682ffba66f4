import type { Definition } from './dashboard.ts';

const here = 'instance=~"$instance"';

/** The journal: what comes in, who follows it, what is lost, what fires because of it. */
export const events: Definition = {
  name: 'events',
  summary: 'The journal: what comes in, who follows it, what is lost, what fires because of it.',
  rows: [
    {
      title: 'What comes in',
      panels: [
        { title: 'Events stored', unit: 'ops', queries: [[`rate(sboxagent_events_total{${here}}[$__rate_interval])`, '{{instance}}']] },
        {
          title: 'Published again',
          unit: 'ops',
          help: 'Answered with the first one.',
          queries: [[`rate(sboxagent_events_deduplicated_total{${here}}[$__rate_interval])`, '{{instance}}']],
        },
        { title: 'Newest revision', type: 'stat', unit: 'none', queries: [[`sboxagent_events_last_revision{${here}}`, '{{instance}}']] },
      ],
    },
    {
      title: 'Who follows',
      panels: [
        { title: 'Watches of events', unit: 'short', width: 12, queries: [[`sboxagent_watchers{${here}}`, '{{instance}}']] },
        {
          title: 'Streams by kind',
          unit: 'short',
          width: 12,
          stacked: true,
          queries: [[`sum by (kind) (sboxagent_streams{${here}})`, '{{kind}}']],
        },
      ],
    },
    {
      title: 'What goes wrong',
      panels: [
        {
          title: 'Errors of the disk within an hour',
          unit: 'short',
          redFrom: 1,
          queries: [[`sum by (kind) (increase(sboxagent_store_errors_total{${here}}[1h]))`, '{{kind}}']],
        },
        {
          title: 'Own events lost within an hour',
          unit: 'short',
          redFrom: 1,
          queries: [[`sum by (reason) (increase(sboxagent_events_dropped_total{${here}}[1h]))`, '{{reason}}']],
        },
        {
          title: 'Publishers that had to wait, within an hour',
          unit: 'short',
          queries: [
            [
              `sum by (limit) (increase(sboxagent_limit_refused_total{${here}, limit=~"plugin_event_buffer|message_bytes|pong_timeout|streams"}[1h]))`,
              '{{limit}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'Alerts of the agent',
      panels: [
        {
          title: 'Firing, by rule',
          unit: 'short',
          width: 12,
          redFrom: 1,
          queries: [[`sum by (rule) (sboxagent_alerts_firing{${here}})`, '{{rule}}']],
        },
        {
          title: 'Handed to webhooks within an hour',
          unit: 'short',
          width: 12,
          queries: [[`sum by (webhook, result) (increase(sboxagent_alert_notifications_total{${here}}[1h]))`, '{{webhook}} {{result}}']],
        },
      ],
    },
    {
      title: 'Audit',
      panels: [
        {
          title: 'Entries of the audit within an hour',
          unit: 'short',
          width: 24,
          queries: [
            [`increase(sboxagent_audit_entries_total{${here}}[1h])`, 'written {{instance}}'],
            [`increase(sboxagent_audit_dropped_total{${here}}[1h])`, 'not written {{instance}}'],
          ],
        },
      ],
    },
  ],
};
