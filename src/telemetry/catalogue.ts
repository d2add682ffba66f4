/**
 * Every metric of the agent, in one table: `counter`, `histogram` and `observe` refuse a name that is not here, and
 * docs/metrics.md has its table from here (`npm run generate:docs`; a test compares). Names are those of the Prometheus text.
 */
import { catalogue } from '../kernel/catalogue.ts';
import type { Labels } from './types.ts';

export interface MetricEntry {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** UCUM unit for OTLP; the Prometheus name carries its own. */
  readonly unit?: string;
  readonly labels: readonly string[];
  /** Label sets of a counter that are known beforehand: they are there from the start with 0, so that an alert on their rise sees the first one too. */
  readonly declared?: readonly Labels[];
  /** Name over OTLP where a convention fixes it. */
  readonly otelName?: string;
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** Bounds of the RPC conventions, with two finer ones below: most calls here take less than 5 ms. */
export const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

/** Bounds for what takes seconds to minutes. */
const runSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

const process = ['process', 'engine'] as const;

const each = (label: string, values: readonly string[]): readonly Labels[] => values.map((value) => ({ [label]: value }));

/** Why a caller can be refused: as the gate counts it, by the reason in lower case. */
const denials = Object.entries(catalogue).flatMap(([reason, { code }]) => (code === 'unauthenticated' ? [reason.toLowerCase()] : []));

/** The bounded sets of the agent; those of one name each (`label_sets:<metric>`) begin when they are met. */
const limits = [
  ...[
    'alerts',
    'body_timeout',
    'concurrent_unary',
    'connections',
    'custom_series',
    'log_sources',
    'message_bytes',
    'metric_history',
    'plugin_documents',
  ],
  ...['plugin_event_buffer', 'plugin_labels', 'plugins', 'pong_timeout', 'sboxmgr_bytes', 'sboxmgr_connections', 'streams'],
];

export const metricCatalogue: Readonly<Record<string, MetricEntry>> = {
  // Calls
  rpc_server_call_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of calls to the agent, on every transport; a stream counts until its end.',
    unit: 's',
    labels: ['rpc_system_name', 'rpc_method', 'rpc_status_code', 'error_type'],
    otelName: 'rpc.server.call.duration',
    buckets: callSeconds,
  },
  sboxagent_connections: { kind: 'gauge', help: 'Open client connections.', labels: [] },
  sboxagent_streams: { kind: 'gauge', help: 'Open streams of clients.', labels: ['kind'] },
  sboxagent_auth_denied_total: {
    kind: 'counter',
    help: 'Calls refused because of who made them.',
    labels: ['reason'],
    declared: each('reason', [...denials, 'scope_missing']),
  },
  sboxagent_rate_limited_total: { kind: 'counter', help: 'Calls refused by the rate limit.', labels: [] },
  sboxagent_limit_refused_total: {
    kind: 'counter',
    help: 'What a bounded set refused, by the name of the limit.',
    labels: ['limit'],
    declared: each('limit', limits),
  },
  // The agent
  sboxagent_build_info: {
    kind: 'gauge',
    help: 'Always 1; the labels say which build runs.',
    labels: ['version', 'commit', 'node_version'],
  },
  sboxagent_up_seconds: { kind: 'gauge', help: 'Time since the agent started.', unit: 's', labels: [] },
  sboxagent_event_loop_delay_seconds: {
    kind: 'gauge',
    help: 'How late the event loop ran its timers during the last minute (p50, p99, max).',
    unit: 's',
    labels: ['stat'],
  },
  sboxagent_system_cpu_usage_ratio: {
    kind: 'gauge',
    help: 'Busy share of all CPUs of the machine, or of those that its container may use, 0 to 1.',
    unit: '1',
    labels: [],
  },
  sboxagent_system_memory_used_bytes: {
    kind: 'gauge',
    help: 'Memory of the machine that is not available, or that its container holds where that is limited.',
    unit: 'By',
    labels: [],
  },
  sboxagent_system_memory_total_bytes: {
    kind: 'gauge',
    help: 'Memory of the machine, or what its container may have.',
    unit: 'By',
    labels: [],
  },
  sboxagent_system_disk_used_bytes: {
    kind: 'gauge',
    help: 'Used space of the file system of the state directory.',
    unit: 'By',
    labels: [],
  },
  sboxagent_system_disk_total_bytes: { kind: 'gauge', help: 'Size of the file system of the state directory.', unit: 'By', labels: [] },
  sboxagent_system_network_receive_bytes_total: {
    kind: 'counter',
    help: 'Bytes received by all interfaces but the loopback.',
    unit: 'By',
    labels: [],
  },
  sboxagent_system_network_transmit_bytes_total: {
    kind: 'counter',
    help: 'Bytes sent by all interfaces but the loopback.',
    unit: 'By',
    labels: [],
  },
  sboxagent_system_load1: { kind: 'gauge', help: 'Load average of the machine over one minute.', labels: [] },
  // Processes
  sboxagent_process_state: { kind: 'gauge', help: '1 for the state that a process is in, else 0.', labels: [...process, 'state'] },
  sboxagent_process_cpu_usage_ratio: {
    kind: 'gauge',
    help: 'CPUs that a process and all that it started use: 1 is one CPU.',
    unit: '1',
    labels: process,
  },
  sboxagent_process_resident_memory_bytes: {
    kind: 'gauge',
    help: 'Resident memory of a process and all that it started.',
    unit: 'By',
    labels: process,
  },
  sboxagent_process_open_fds: { kind: 'gauge', help: 'Open file descriptors of a process and all that it started.', labels: process },
  sboxagent_process_uptime_seconds: { kind: 'gauge', help: 'Time since a process started.', unit: 's', labels: process },
  sboxagent_process_restarts_total: { kind: 'counter', help: 'Restarts of a process since the agent started.', labels: process },
  // Engines, by their own API
  sboxagent_engine_connections: {
    kind: 'gauge',
    help: 'Connections that an engine has open, where its API counts them.',
    labels: ['process'],
  },
  sboxagent_engine_transmit_bytes_total: {
    kind: 'counter',
    help: 'Bytes from the users of an engine to the world, over all its runs.',
    unit: 'By',
    labels: ['process'],
  },
  sboxagent_engine_receive_bytes_total: {
    kind: 'counter',
    help: 'Bytes from the world to the users of an engine, over all its runs.',
    unit: 'By',
    labels: ['process'],
  },
  // Events
  sboxagent_events_total: { kind: 'counter', help: 'Events stored.', labels: [] },
  sboxagent_events_last_revision: { kind: 'gauge', help: 'Newest revision of the journal.', labels: [] },
  sboxagent_events_deduplicated_total: { kind: 'counter', help: 'Events published again and answered with the first one.', labels: [] },
  sboxagent_events_dropped_total: {
    kind: 'counter',
    help: 'Events that were lost or refused.',
    labels: ['reason'],
    declared: each('reason', ['backlog_full', 'refused', 'stopped']),
  },
  sboxagent_watchers: { kind: 'gauge', help: 'Open watches of events.', labels: [] },
  sboxagent_store_errors_total: {
    kind: 'counter',
    help: 'Errors of the disk below the store.',
    labels: ['kind'],
    declared: each('kind', ['full', 'read_only', 'io', 'descriptors', 'corrupt', 'thread']),
  },
  // sboxmgr
  sboxagent_business_subscriptions_processed_total: {
    kind: 'counter',
    help: 'Subscriptions that sboxmgr has worked through, over all runs of the agent.',
    labels: [],
  },
  sboxagent_business_configs_generated_total: {
    kind: 'counter',
    help: 'Configurations that sboxmgr has made, over all runs of the agent.',
    labels: [],
  },
  sboxagent_business_errors_total: {
    kind: 'counter',
    help: 'Errors that sboxmgr and its plugins reported, over all runs of the agent.',
    labels: [],
  },
  sboxagent_business_processing_seconds: {
    kind: 'histogram',
    help: 'Time that work on subscriptions and configurations took, by the events that say so.',
    unit: 's',
    labels: [],
    buckets: runSeconds,
  },
  sboxagent_config_applies_total: {
    kind: 'counter',
    help: 'Configs of engines that were to be put into effect: applied, rejected before anything was touched, rolled_back, or failed (neither the new one nor the one of before runs).',
    labels: ['result'],
    declared: each('result', ['applied', 'rejected', 'rolled_back', 'failed']),
  },
  sboxagent_fleet_connected: { kind: 'gauge', help: 'Whether the NATS servers of the fleet are reached.', labels: [] },
  sboxagent_fleet_agents: {
    kind: 'gauge',
    help: 'Agents of the fleet by state (UP, LEFT, GONE), told by the one that watches over them.',
    labels: ['state'],
  },
  sboxagent_fleet_forwarded_total: { kind: 'counter', help: 'Events that the stream of the fleet took.', labels: [] },
  sboxagent_fleet_lag_events: { kind: 'gauge', help: 'Events of the journal that the fleet does not have yet.', labels: [] },
  sboxagent_fleet_in_flight_events: {
    kind: 'gauge',
    help: 'Events that were sent to the stream of the fleet and are not acknowledged yet.',
    labels: [],
  },
  sboxagent_fleet_gap_events_total: {
    kind: 'counter',
    help: 'Events that retention removed before the fleet had them.',
    labels: [],
  },
  sboxagent_fleet_rollout_results_total: {
    kind: 'counter',
    help: 'What became of rollouts at this agent: applied, rejected before anything was touched, rolled_back, failed, returned to the config of before by order, or stuck where that could not be.',
    labels: ['result'],
    declared: each('result', ['applied', 'rejected', 'rolled_back', 'failed', 'returned', 'stuck']),
  },
  sboxagent_fleet_rollout_refused_total: {
    kind: 'counter',
    help: 'Plans and orders of rollouts that were not taken: signed by an unknown_key or by one with scope_missing, malformed, or too_many.',
    labels: ['reason'],
    declared: each('reason', ['unknown_key', 'scope_missing', 'malformed', 'too_many']),
  },
  sboxagent_fleet_truncated_total: {
    kind: 'counter',
    help: 'Events that were sent without their data, which is larger than the servers take.',
    labels: [],
  },
  sboxagent_schedule_runs_total: {
    kind: 'counter',
    help: 'Scheduled runs of sboxmgr: success, failure, timeout, or skipped because one was under way.',
    labels: ['result'],
    declared: each('result', ['success', 'failure', 'timeout', 'skipped']),
  },
  sboxagent_schedule_run_duration_seconds: {
    kind: 'histogram',
    help: 'Duration of scheduled runs of sboxmgr.',
    unit: 's',
    labels: [],
    buckets: runSeconds,
  },
  // Alerts
  sboxagent_alerts_firing: { kind: 'gauge', help: 'Alerts that fire, by their rule.', labels: ['rule'] },
  sboxagent_alert_notifications_total: {
    kind: 'counter',
    help: 'Alerts handed to a webhook: delivered, failed (it refused them), or dropped (its queue was full).',
    labels: ['webhook', 'result'],
  },
  // Plugins
  sboxagent_plugin_up: {
    kind: 'gauge',
    help: '1 while a plugin is well or degraded, 0 while it is ill, stopped or switched off.',
    labels: ['plugin'],
  },
  sboxagent_plugin_health: { kind: 'gauge', help: '1 healthy, 0.5 degraded, 0 unhealthy.', labels: ['plugin'] },
  sboxagent_plugin_lease_age_seconds: { kind: 'gauge', help: 'Time since a plugin renewed its lease.', unit: 's', labels: ['plugin'] },
  sboxagent_plugin_recoveries_total: { kind: 'counter', help: 'Recovery steps taken for a plugin.', labels: ['plugin'] },
  // Traces
  sboxagent_spans_total: { kind: 'counter', help: 'Spans kept.', labels: [] },
  sboxagent_spans_unsampled_total: { kind: 'counter', help: 'Spans that were not kept because there were many of their kind.', labels: [] },
  sboxagent_spans_dropped_total: {
    kind: 'counter',
    help: 'Spans that were to be kept and were lost: their queue was full (queue), or the disk refused them (disk).',
    labels: ['reason'],
    declared: each('reason', ['queue', 'disk']),
  },
  sboxagent_otlp_dropped_total: {
    kind: 'counter',
    help: 'Spans (traces) and log lines (logs) that were to go to the collector and were lost: too many waited, or it did not take them.',
    labels: ['signal'],
    declared: each('signal', ['traces', 'logs']),
  },
  // Audit
  sboxagent_audit_entries_total: { kind: 'counter', help: 'Entries written to the audit.', labels: [] },
  sboxagent_audit_dropped_total: { kind: 'counter', help: 'Refused calls of which the audit could not be written.', labels: [] },
  // Logs
  sboxagent_log_lines_total: { kind: 'counter', help: 'Log lines stored.', labels: ['source'] },
  sboxagent_log_lines_dropped_total: { kind: 'counter', help: 'Log lines lost to a flood or a full disk.', labels: ['source'] },
};
