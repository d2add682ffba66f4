/**
 * Which reasons of the catalogue a method may answer with, beside those of the gate and of the way in, which follow from what the method
 * is. A method without a row ends the generation; a reason that no row names and that is not said to be of other protocols fails a test.
 */
import type { ErrorReason } from '../../src/kernel/catalogue.ts';

type Reasons = readonly ErrorReason[];

/** The store is asked, or written to. */
const read: Reasons = ['JOURNAL_UNAVAILABLE', 'INGEST_OVERLOADED'];
const write: Reasons = [...read, 'JOURNAL_FULL'];
const process: Reasons = ['PROCESS_NOT_FOUND'];
const started: Reasons = [
  ...write,
  ...process,
  ...(['BINARY_NOT_FOUND', 'CONFINEMENT_UNAVAILABLE', 'START_FAILED', 'DEPENDENCY_NOT_READY', 'CONFIG_REFUSED'] as const),
];
const processConfig: Reasons = [...read, ...process, 'PROCESS_HAS_NO_CONFIG'];
const file: Reasons = ['CONFIG_NOT_WRITTEN', 'DISK_FULL'];
const applied: Reasons = [
  ...processConfig,
  ...file,
  ...(['JOURNAL_FULL', 'PROCESS_CONFIG_INVALID', 'CONFIG_NOT_ALLOWED', 'CONFIG_REFUSED', 'CONFIG_NOT_CHECKED', 'CONFIG_SHARED'] as const),
  ...(['PORT_TAKEN', 'PROBE_FAILED', 'START_FAILED', 'BINARY_NOT_FOUND', 'CONFINEMENT_UNAVAILABLE'] as const),
  ...(['APPLY_QUEUE_FULL', 'APPLY_ROLLED_BACK', 'APPLY_FAILED', 'APPLY_INTERRUPTED'] as const),
];
const published: Reasons = [...write, 'EVENT_RESERVED', 'PLUGIN_OWNED', 'PLUGIN_BUFFER_FULL'];
const config: Reasons = [...write, ...file, 'CONFIG_INVALID', 'CONFIG_NOT_MANAGED'];
const plugin: Reasons = [...read, 'PLUGIN_NOT_FOUND'];
const pluginRun: Reasons = [...plugin, 'JOURNAL_FULL', 'PLUGIN_DISABLED', 'PLUGIN_NOT_PROCESS', ...started];
const pluginConfig: Reasons = [...plugin, ...file, 'JOURNAL_FULL', 'CONFIG_INVALID', 'PLUGIN_LIMIT_REACHED'];

/** By service and method. */
export const methodErrors: Readonly<Record<string, Reasons>> = {
  'AgentService.GetHealth': [],
  'AgentService.GetStatus': read,
  'ProcessService.StartProcess': [
    ...started,
    ...(['PROCESS_ALREADY_RUNNING', 'PROCESS_LIMIT_REACHED', 'INLINE_DISABLED', 'BINARY_NOT_ALLOWED'] as const),
  ],
  'ProcessService.StopProcess': [...write, ...process],
  'ProcessService.RestartProcess': started,
  'ProcessService.ReloadProcess': [...started, 'PROCESS_NOT_READY', 'RELOAD_UNSUPPORTED'],
  'ProcessService.GetProcess': process,
  'ProcessService.ListProcesses': [],
  'ProcessService.WatchProcesses': [],
  'ProcessService.ExplainProcess': [...read, ...process],
  'ProcessService.GetProcessConfig': processConfig,
  'ProcessService.ApplyProcessConfig': [...applied, 'ETAG_STALE'],
  'ProcessService.GetApply': [...read, 'APPLY_NOT_FOUND'],
  'ProcessService.ListProcessConfigRevisions': processConfig,
  'ProcessService.RollbackProcessConfig': [...applied, 'CONFIG_REVISION_NOT_FOUND'],
  'EventService.CreateEvent': published,
  'EventService.BatchCreateEvents': published,
  'EventService.GetEvent': [...read, 'EVENT_NOT_FOUND'],
  'EventService.ListEvents': read,
  'EventService.WatchEvents': [...read, 'REVISION_COMPACTED', 'REVISION_AHEAD'],
  'LogService.ListLogs': ['CURSOR_INVALID'],
  'LogService.TailLogs': ['CURSOR_INVALID'],
  'ConfigService.GetConfig': [],
  'ConfigService.UpdateConfig': [...config, 'ETAG_STALE'],
  'ConfigService.ReloadConfig': config,
  'ConfigService.ValidateConfig': ['CONFIG_INVALID'],
  'ConfigService.ListConfigRevisions': read,
  'ConfigService.RollbackConfig': [...config, 'CONFIG_REVISION_NOT_FOUND'],
  'PluginService.ListPlugins': [],
  'PluginService.GetPlugin': plugin,
  'PluginService.WatchPlugins': [],
  'PluginService.GetPluginConfig': plugin,
  'PluginService.ListPluginConfigBackups': plugin,
  'PluginService.EnablePlugin': [...plugin, ...started],
  'PluginService.DisablePlugin': [...plugin, 'JOURNAL_FULL'],
  'PluginService.StartPlugin': pluginRun,
  'PluginService.StopPlugin': pluginRun,
  'PluginService.RestartPlugin': pluginRun,
  'PluginService.DeletePlugin': [...plugin, 'JOURNAL_FULL', 'PLUGIN_DECLARED', 'PLUGIN_OWNED'],
  'PluginService.UpdatePluginConfig': [...pluginConfig, 'ETAG_STALE'],
  'PluginService.RestorePluginConfigBackup': [...pluginConfig, 'BACKUP_NOT_FOUND', 'BACKUP_DAMAGED'],
  'AlertService.ListAlerts': read,
  'AlertService.WatchAlerts': read,
  'AlertService.AcknowledgeAlert': [...write, 'ALERT_NOT_FOUND'],
  'MetricsService.GetMetrics': read,
  'AuditService.ListAuditEntries': read,
  'TraceService.GetTrace': [...read, 'TRACE_NOT_FOUND'],
  'TraceService.ListTraces': read,
  'FleetService.ListFleetAgents': read,
};

/** Reasons that no answer of REST has. */
export const notByRest: Readonly<Partial<Record<ErrorReason, string>>> = {
  RPC_UNIMPLEMENTED: 'of the RPC protocols',
  COMPRESSION_UNDECLARED: 'of the RPC protocols: REST takes no compressed bodies',
  ROUTE_NOT_FOUND: 'of paths that are none of these',
  METHOD_NOT_ALLOWED: 'of HTTP methods that are none of these',
  CANCELED: 'to a client that left',
  DEADLINE_EXCEEDED: 'of calls with a deadline, which REST has not',
  HEALTH_SERVICE_UNKNOWN: "of gRPC's health service",
  PLUGINS_OFF: 'of plugin sessions',
  PLUGIN_SESSION_ENDED: 'of plugin sessions',
  PLUGIN_SCHEMA_INVALID: 'of plugin sessions',
};
