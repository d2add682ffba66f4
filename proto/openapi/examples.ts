/**
 * An example of every message, put together of what its fields may hold. Values that tell something stand in one table, by message and
 * field or by the field's name alone; a test decodes every example as its message.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { fieldConstraint, type Json } from './constraints.ts';
import type { Way } from './schemas.ts';

const moment = '2026-01-02T03:04:05.678Z';

const event = { type: 'config.generated', source: 'sboxmgr', subject: 'home', severity: 'INFO', data: { servers: 12 } };

const values: Readonly<Record<string, unknown>> = {
  // By name, whatever the message.
  id: 'edge',
  name: 'edge',
  time: moment,
  etag: 'f3a1c2d4',
  reason: 'a new exit node',
  author: 'admin',
  revision: 7,
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  span_id: '00f067aa0ba902b7',
  source: 'edge',
  subject: 'edge',
  pid: 4711,
  version: '1.14.1',
  labels: { process: 'edge' },
  page_size: 100,
  page_token: '',
  next_page_token: '',
  request_id: 'deploy-4711',
  diff: '-  "level": "info"\n+  "level": "warn"\n',
  process_id: 'edge',
  plugin_id: 'geo-updater',
  validate_only: false,
  // What one message says.
  'AgentStatus.name': 'vpn-1',
  'AgentStatus.version': '0.1.0',
  'AgentStatus.commit': 'e83c5163316f89bfbde7d9ab23ca2e25604af290',
  'AgentStatus.listeners': ['http://127.0.0.1:8080', 'unix:/var/lib/sboxagent/api.sock'],
  'AgentStatus.config_paths': ['/etc/sboxagent/sboxagent.yaml'],
  'AgentStatus.processes': { READY: 1, STOPPED: 1 },
  'AgentStatus.uptime': '3725.5s',
  'AgentStatus.Journal.first_revision': '1',
  'AgentStatus.Journal.last_revision': '1042',
  'AgentStatus.Journal.count': 1042,
  'AgentStatus.Journal.bytes': 524288,
  'Health.Component.name': 'journal',
  'Health.Component.message': '',
  'Health.Component.data': {},
  'Event.id': '01JGJ5H1YE3V0WJ8Q4M6T2X9ZB',
  'Event.revision': '1042',
  'Event.type': 'config.generated',
  'Event.source': 'sboxmgr',
  'Event.severity': 'INFO',
  'Event.priority': 50,
  'Event.data': { servers: 12, password: '***' },
  'Event.attributes': { profile: 'home' },
  'Event.redacted': ['data.password'],
  'Event.correlation_id': 'run-17',
  'CreateEventRequest.event': event,
  'BatchCreateEventsRequest.events': [event, { ...event, type: 'config.failed', severity: 'ERROR' }],
  'EventReceipt.id': '01JGJ5H1YE3V0WJ8Q4M6T2X9ZB',
  'EventReceipt.revision': '1042',
  'EventReceipt.duplicate': false,
  'WatchEventsResponse.revision': '1042',
  'WatchEventsResponse.Progress.revision': '1042',
  'WatchEventsResponse.Gap.from_revision': '12',
  'WatchEventsResponse.Gap.to_revision': '20',
  'WatchEventsResponse.Gap.count': '9',
  'Process.engine': 'sing-box',
  'Process.command': ['/usr/bin/sing-box', 'run', '-c', '/etc/sing-box/config.json'],
  'Process.config_path': '/etc/sing-box/config.json',
  'Process.state': 'READY',
  'Process.ready': true,
  'Process.reason': 'READY',
  'Process.message': 'it runs and its readiness probe succeeds',
  'Process.restart_count': 0,
  'Process.inline': false,
  'Process.depends_on': [],
  'Process.Exit.code': 1,
  'Process.Exit.signal': '',
  'Process.Exit.duration': '12.5s',
  'Process.Exit.oom_killed': false,
  'Process.Resources.cpu_usage_ratio': 0.04,
  'Process.Resources.resident_memory_bytes': 31457280,
  'Process.Resources.open_fds': 21,
  'Process.Resources.threads': 9,
  'ProcessExplanation.summary': 'edge runs and is READY.',
  'ProcessExplanation.log_lines': ['INFO sing-box started (0.05s)'],
  'ProcessExplanation.next_action': 'none: it runs',
  'ProcessExplanation.remedies': [],
  'ProcessExplanation.config_diff': '',
  'StartProcessRequest.command': [],
  'StartProcessRequest.env': {},
  'StartProcessRequest.cwd': '',
  'StartProcessRequest.wait_for': 'READY',
  'ApplyProcessConfigRequest.content': '{"log": {"level": "warn"}}',
  'ApplyProcessConfigRequest.format': 'JSON',
  'ApplyProcessConfigRequest.async': false,
  'ProcessConfig.content': '{"log": {"level": "warn"}}',
  'ProcessConfig.drifted': false,
  'ProcessConfig.drift_diff': '',
  'Apply.id': '01JGJ5H1YE3V0WJ8Q4M6T2X9ZC',
  'Apply.phase': 'DONE',
  'Apply.result': 'APPLIED',
  'Apply.from_revision': 6,
  'Apply.running_revision': 7,
  'Apply.engine_output': [],
  'Apply.violations': [],
  'Apply.Step.name': 'probe',
  'Apply.Step.status': 'PASSED',
  'Apply.Step.message': '',
  'Apply.Impact.ports_added': [],
  'Apply.Impact.ports_removed': [],
  'ProcessConfigRevision.result': 'APPLIED',
  'ProcessFilter.states': ['CRASH_LOOP'],
  'ProcessFilter.engines': ['sing-box'],
  'EventFilter.types': ['process.*'],
  'EventFilter.sources': ['sboxmgr'],
  'EventFilter.subjects': ['edge'],
  'EventFilter.text': 'edge',
  'LogFilter.sources': ['edge'],
  'LogFilter.text': 'started',
  'PluginFilter.states': ['UNHEALTHY'],
  'PluginFilter.kinds': ['LIBRARY'],
  'ListEventsRequest.order_by': 'revision desc',
  'ListLogsRequest.order_by': 'time desc',
  'LogEntry.cursor': 'edge:42',
  'LogEntry.message': 'sing-box started (0.05s)',
  'LogEntry.level': 'INFO',
  'LogEntry.fields': {},
  'TailLogsResponse.cursor': 'edge:42',
  'AgentConfig.document': { agent: { log_level: 'info' }, api: { port: 8080 } },
  'AgentConfig.sources': { 'agent.log_level': '/etc/sboxagent/sboxagent.yaml', 'api.port': 'default' },
  'AgentConfig.yaml': 'agent: {log_level: info}\n',
  'ConfigChange.restart_required': false,
  'ConfigChange.Change.path': 'agent.log_level',
  'ConfigChange.Change.old_value': 'info',
  'ConfigChange.Change.new_value': 'debug',
  'UpdateConfigRequest.document': { agent: { log_level: 'debug' } },
  'ValidateConfigRequest.document': { agent: { log_level: 'debug' } },
  'ValidateConfigResponse.valid': true,
  'ValidateConfigResponse.violations': [],
  'Violation.path': 'api.port',
  'Violation.file': '/etc/sboxagent/sboxagent.yaml',
  'Violation.line': 3,
  'Violation.rule': 'range',
  'Violation.message': 'must be 0 to 65535',
  'Plugin.id': 'geo-updater',
  'Plugin.name': 'Geo updater',
  'Plugin.kind': 'LIBRARY',
  'Plugin.version': '1.2.0',
  'Plugin.state': 'ACTIVE',
  'Plugin.reason': '',
  'Plugin.message': '',
  'Plugin.enabled': true,
  'Plugin.cadence': '1800s',
  'Plugin.process_id': '',
  'Plugin.recent_events': [],
  'Plugin.config_revision': 2,
  'Plugin.applied_config_revision': 2,
  'Plugin.Recovery.last_action': '',
  'PluginConfig.config': { url: 'https://example.com/geo', token: '***' },
  'PluginConfig.schema': { type: 'object' },
  'PluginConfig.revision': 2,
  'PluginConfig.applied_revision': 2,
  'PluginConfig.apply_state': 'APPLIED',
  'PluginConfig.apply_message': '',
  'PluginConfigBackup.id': '01JGJ5H1YE3V0WJ8Q4M6T2X9ZD',
  'PluginConfigBackup.bytes': 512,
  'UpdatePluginConfigRequest.config': { url: 'https://example.com/geo' },
  'Alert.id': '01JGJ5H1YE3V0WJ8Q4M6T2X9ZE',
  'Alert.rule': 'process-crash-loop',
  'Alert.severity': 'CRITICAL',
  'Alert.summary': 'edge ended 5 times in 60 s',
  'Alert.value': 5,
  'Alert.threshold': 5,
  'Alert.Acknowledgement.by': 'admin',
  'Alert.Acknowledgement.comment': 'looking into it',
  'AcknowledgeAlertRequest.comment': 'looking into it',
  'AuditEntry.sequence': '217',
  'AuditEntry.principal': 'tok_1',
  'AuditEntry.via': 'rest',
  'AuditEntry.peer': '127.0.0.1',
  'AuditEntry.method': 'ProcessService.RestartProcess',
  'AuditEntry.target': 'edge',
  'AuditEntry.code': 'OK',
  'AuditEntry.reason': '',
  'ListAuditEntriesRequest.order_by': 'sequence desc',
  'Metric.name': 'sboxagent_process_resident_memory_bytes',
  'Metric.kind': 'GAUGE',
  'Metric.unit': 'bytes',
  'Metric.help': 'Resident memory of a process.',
  'Metric.Series.value': 31457280,
  'Metric.Rollup.window': '300s',
  'WatchProcessesResponse.removed_ids': [],
  'WatchProcessesResponse.snapshot': true,
  'WatchPluginsResponse.removed_ids': [],
  'WatchPluginsResponse.snapshot': true,
  'WatchAlertsResponse.snapshot': true,
};

function scalarExample(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.BOOL:
      return false;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return '';
    case ScalarType.INT64:
      return '0';
    default:
      return 0;
  }
}

function single(field: DescField, way: Way): unknown {
  if (field.scalar !== undefined) return scalarExample(field.scalar);
  if (field.enum !== undefined) return field.enum.values[1]?.name;
  switch (field.message?.typeName) {
    case undefined:
      return undefined;
    case 'google.protobuf.Timestamp':
      return moment;
    case 'google.protobuf.Duration':
      return '5s';
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.FieldMask':
      return undefined;
    default:
      return exampleOf(field.message, way);
  }
}

/** What stands in the table for a field; undefined where nothing does. */
export function valueFor(field: DescField): unknown {
  const message = field.parent.typeName.replace(/^([a-z0-9_]+\.)*/, '');
  const own = values[`${message}.${field.name}`];
  if (own !== undefined) return own;
  const common = values[field.name];
  const fits = typeof common === 'string' ? field.scalar === ScalarType.STRING || field.message !== undefined : common !== undefined;
  if (!fits || (field.fieldKind === 'list' && !Array.isArray(common))) return undefined;
  return field.scalar === ScalarType.INT64 ? String(common) : common;
}

function fieldExample(field: DescField, way: Way): unknown {
  const known = valueFor(field);
  if (known !== undefined) return known;
  if (field.fieldKind === 'map') return {};
  const value = single(field, way);
  return field.fieldKind === 'list' ? [value] : value;
}

/** Of a request the fields that must be given and those with something to tell; of an answer all that it may hold. */
export function exampleOf(desc: DescMessage, way: Way): Json {
  const asked = desc.fields.filter((field) => {
    if (way === 'response') return true;
    return fieldConstraint(field).required || (valueFor(field) !== undefined && field.presence === FeatureSet_FieldPresence.IMPLICIT);
  });
  return Object.fromEntries(asked.map((field) => [field.name, fieldExample(field, way)]).filter(([, value]) => value !== undefined));
}
