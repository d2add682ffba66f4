/** Plugins: proto <-> domain. */
import { create, type JsonObject as ProtoObject } from '@bufbuild/protobuf';
import { durationFromMs, durationMs } from '@bufbuild/protobuf/wkt';
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import {
  type PluginConfigBackup as BackupMessage,
  type PluginConfig,
  PluginConfig_ApplyState,
  PluginConfigBackupSchema,
  PluginConfigSchema,
} from '../../../gen/es/sboxagent/v1/plugin_config_pb.js';
import { type Plugin, Plugin_Kind, Plugin_State, PluginSchema } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import type { RegisterPluginRequest } from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import type { JsonObject, StoredEvent } from '../../events/types.ts';
import { invalid, type Violation } from '../../kernel/errors.ts';
import { valueBytes } from '../../kernel/wire-size.ts';
import type { HealthStatus, PluginBackup, PluginDocument, PluginKind, PluginView, Registration } from '../../plugins/types.ts';
import { checkData } from './data.ts';
import { eventMessage } from './event.ts';
import { fromMs } from './time.ts';

const kinds: Readonly<Record<PluginKind, Plugin_Kind>> = {
  LIBRARY: Plugin_Kind.LIBRARY,
  PROCESS: Plugin_Kind.PROCESS,
  REMOTE: Plugin_Kind.REMOTE,
};

function kindOf(value: Plugin_Kind): PluginKind | undefined {
  return (Object.keys(kinds) as PluginKind[]).find((kind) => kinds[kind] === value);
}

const milliseconds = (ms: number): ReturnType<typeof durationFromMs> => durationFromMs(Math.max(0, Math.round(ms)));

export function pluginMessage(view: PluginView, recentEvents: readonly StoredEvent[] = []): Plugin {
  const { health, calls, recovery } = view;
  return create(PluginSchema, {
    id: view.id,
    name: view.name,
    kind: view.kind === undefined ? Plugin_Kind.KIND_UNSPECIFIED : kinds[view.kind],
    version: view.version,
    state: Plugin_State[view.state],
    reason: view.reason,
    message: view.message,
    enabled: view.enabled,
    labels: { ...view.labels },
    ...(view.lastSeenMs !== undefined && { lastSeen: fromMs(view.lastSeenMs) }),
    ...(view.leaseExpireTimeMs !== undefined && { leaseExpireTime: fromMs(view.leaseExpireTimeMs) }),
    ...(view.cadenceMs !== undefined && { cadence: milliseconds(view.cadenceMs) }),
    health: {
      status: health.status === undefined ? Health_Status.STATUS_UNSPECIFIED : Health_Status[health.status],
      message: health.message,
      ...(health.checkTimeMs !== undefined && { checkTime: fromMs(health.checkTimeMs) }),
      consecutiveFailures: health.consecutiveFailures,
      ...(health.data !== undefined && { data: health.data as ProtoObject }),
    },
    calls: { count: calls.count, errors: calls.errors, p95Ms: calls.p95Ms },
    configRevision: view.configRevision,
    appliedConfigRevision: view.appliedConfigRevision,
    processId: view.processId,
    recovery: {
      attempts: recovery.attempts,
      budget: recovery.budget,
      lastAction: recovery.lastAction,
      ...(recovery.nextTimeMs !== undefined && { nextTime: fromMs(recovery.nextTimeMs) }),
    },
    recentEvents: recentEvents.map(eventMessage),
    etag: view.etag,
  });
}

export function documentMessage(document: PluginDocument): PluginConfig {
  const { config, schema, applyState, timeMs } = document;
  return create(PluginConfigSchema, {
    pluginId: document.pluginId,
    ...(config !== undefined && { config: config as ProtoObject }),
    ...(schema !== undefined && { schema: schema as ProtoObject }),
    revision: document.revision,
    etag: document.etag,
    appliedRevision: document.appliedRevision,
    applyState: applyState === undefined ? PluginConfig_ApplyState.APPLY_STATE_UNSPECIFIED : PluginConfig_ApplyState[applyState],
    applyMessage: document.applyMessage,
    ...(timeMs !== undefined && { time: fromMs(timeMs) }),
  });
}

export function backupMessage(backup: PluginBackup): BackupMessage {
  return create(PluginConfigBackupSchema, {
    id: backup.id,
    revision: backup.revision,
    time: fromMs(backup.timeMs),
    expireTime: fromMs(backup.expireTimeMs),
    bytes: backup.bytes,
  });
}

/** Free-form data of a request: what every codec can carry. Throws INVALID_REQUEST with the paths. */
export function dataOf(value: object | undefined, field: string, maxDepth: number): JsonObject | undefined {
  if (value === undefined) return undefined;
  const violations: Violation[] = [];
  checkData(value, field, { violations, maxDepth });
  if (violations.length > 0) throw invalid(violations);
  return value as JsonObject;
}

/** What every list of plugins carries: more is no figure, and belongs into an event. */
const maxHealthDataBytes = 16 << 10;

/** The figures of a report. Throws INVALID_REQUEST for what no codec can carry and for what is too large. */
export function healthDataOf(value: object | undefined, maxDepth: number): JsonObject | undefined {
  const data = dataOf(value, 'data', maxDepth);
  if (data !== undefined && valueBytes(data) > maxHealthDataBytes) {
    throw invalid([{ field: 'data', message: `must take at most ${maxHealthDataBytes} bytes on the wire`, rule: 'message.max_bytes' }]);
  }
  return data;
}

export function registrationOf(request: RegisterPluginRequest, maxDepth: number): Registration {
  const { plugin, configSchema, secretPaths, lease } = request;
  if (plugin === undefined) throw invalid([{ field: 'plugin', message: 'is required', rule: 'required' }]);
  return {
    id: plugin.id,
    name: plugin.name,
    kind: kindOf(plugin.kind),
    version: plugin.version,
    labels: plugin.labels,
    cadenceMs: plugin.cadence === undefined ? undefined : durationMs(plugin.cadence),
    leaseMs: lease === undefined ? undefined : durationMs(lease),
    schema: dataOf(configSchema, 'config_schema', maxDepth),
    secretPaths,
  };
}

export function healthWord(status: Health_Status): HealthStatus {
  if (status === Health_Status.HEALTHY) return 'HEALTHY';
  return status === Health_Status.DEGRADED ? 'DEGRADED' : 'UNHEALTHY';
}
