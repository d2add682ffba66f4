/**
 * Who may call what, and what else is special about a method. Deny by default: a method without a row is refused when the agent
 * starts.
 */
import type { DescMethod } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Scope } from '../kernel/principal.ts';
import type { MethodPolicy, Mounted, RpcMethod } from './seam.ts';

interface Row {
  /** `none`: no token is needed; the service itself judges what of the answer needs one. */
  readonly scope: Scope | 'none';
  /** Whether a call counts against the rate limit; true unless said. */
  readonly rateLimited?: boolean;
  readonly judgesItself?: boolean;
  readonly audit: MethodPolicy['audit'];
}

const reads = { kind: 'reads' } as const;
/** What callers hand in is stored (events, health, figures) or judged as such. It changes nothing that the agent does, and there is much of it. */
const data = { kind: 'data' } as const;
/** `target`: path of the request's field that names what is changed; empty for the agent itself. */
const changes = (target: string): Row['audit'] => ({ kind: 'changes', target });

const read: Row = { scope: 'read', audit: reads };
const operate: Row = { scope: 'operate', audit: changes('id') };
/** The agent's own configuration. */
const configure: Row = { scope: 'config:write', audit: changes('') };
const configureOne: Row = { scope: 'config:write', audit: changes('id') };
const publish: Row = { scope: 'events:write', audit: data };
/** The policy of every method: one row each. */
export const methodTable: Readonly<Record<string, Row>> = {
  'sboxagent.v1.AgentService.GetHealth': { scope: 'none', rateLimited: false, audit: reads },
  'sboxagent.v1.AgentService.GetStatus': read,
  'sboxagent.v1.ProcessService.StartProcess': operate,
  'sboxagent.v1.ProcessService.StopProcess': operate,
  'sboxagent.v1.ProcessService.RestartProcess': operate,
  'sboxagent.v1.ProcessService.ReloadProcess': operate,
  'sboxagent.v1.ProcessService.GetProcess': read,
  'sboxagent.v1.ProcessService.ListProcesses': read,
  'sboxagent.v1.ProcessService.WatchProcesses': read,
  'sboxagent.v1.ProcessService.ExplainProcess': read,
  'sboxagent.v1.ProcessService.GetProcessConfig': read,
  'sboxagent.v1.ProcessService.ApplyProcessConfig': configureOne,
  'sboxagent.v1.ProcessService.GetApply': read,
  'sboxagent.v1.ProcessService.ListProcessConfigRevisions': read,
  'sboxagent.v1.ProcessService.RollbackProcessConfig': configureOne,
  'sboxagent.v1.EventService.CreateEvent': { ...publish, judgesItself: true },
  'sboxagent.v1.EventService.BatchCreateEvents': { ...publish, judgesItself: true },
  'sboxagent.v1.EventService.PublishEvents': { ...publish, judgesItself: true },
  'sboxagent.v1.EventService.GetEvent': read,
  'sboxagent.v1.EventService.ListEvents': read,
  'sboxagent.v1.EventService.WatchEvents': read,
  'sboxagent.v1.LogService.ListLogs': read,
  'sboxagent.v1.LogService.TailLogs': read,
  'sboxagent.v1.ConfigService.GetConfig': read,
  'sboxagent.v1.ConfigService.ListConfigRevisions': read,
  'sboxagent.v1.ConfigService.UpdateConfig': configure,
  'sboxagent.v1.ConfigService.ReloadConfig': configure,
  'sboxagent.v1.ConfigService.ValidateConfig': { ...configure, audit: data },
  'sboxagent.v1.ConfigService.RollbackConfig': configure,
  'sboxagent.v1.PluginService.ListPlugins': read,
  'sboxagent.v1.PluginService.GetPlugin': read,
  'sboxagent.v1.PluginService.WatchPlugins': read,
  'sboxagent.v1.PluginService.GetPluginConfig': read,
  'sboxagent.v1.PluginService.ListPluginConfigBackups': read,
  'sboxagent.v1.PluginService.EnablePlugin': operate,
  'sboxagent.v1.PluginService.DisablePlugin': operate,
  'sboxagent.v1.PluginService.StartPlugin': operate,
  'sboxagent.v1.PluginService.StopPlugin': operate,
  'sboxagent.v1.PluginService.RestartPlugin': operate,
  'sboxagent.v1.PluginService.DeletePlugin': operate,
  'sboxagent.v1.PluginService.UpdatePluginConfig': configureOne,
  'sboxagent.v1.PluginService.RestorePluginConfigBackup': configureOne,
  'sboxagent.v1.PluginSessionService.RegisterPlugin': { ...publish, audit: changes('plugin.id') },
  'sboxagent.v1.PluginSessionService.RenewPluginLease': publish,
  'sboxagent.v1.PluginSessionService.ReportPluginHealth': publish,
  'sboxagent.v1.PluginSessionService.WatchPluginConfig': publish,
  'sboxagent.v1.PluginSessionService.AckPluginConfig': publish,
  'sboxagent.v1.PluginSessionService.RecordMetrics': publish,
  'sboxagent.v1.PluginSessionService.EndPluginSession': { ...publish, audit: changes('plugin_id') },
  'sboxagent.v1.AlertService.ListAlerts': read,
  'sboxagent.v1.AlertService.WatchAlerts': read,
  'sboxagent.v1.AlertService.AcknowledgeAlert': operate,
  'sboxagent.v1.MetricsService.GetMetrics': read,
  'sboxagent.v1.TraceService.GetTrace': read,
  'sboxagent.v1.TraceService.ListTraces': read,
  'sboxagent.v1.FleetService.ListFleetAgents': read,
  'sboxagent.v1.AuditService.ListAuditEntries': { scope: 'admin', audit: reads },
  // Check of the empty name needs no token; of a named service the health service asks for `read` itself.
  'grpc.health.v1.Health.Check': { scope: 'none', rateLimited: false, audit: reads },
  'grpc.health.v1.Health.List': { ...read, rateLimited: false },
  'grpc.health.v1.Health.Watch': { ...read, rateLimited: false },
  'grpc.reflection.v1.ServerReflection.ServerReflectionInfo': read,
  'grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo': read,
};

/** The row and the proto must agree on what a method does. Methods of foreign protos say nothing of it. */
function assertAudited(name: string, desc: DescMethod, { audit }: Row): void {
  const free = desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (free && audit.kind !== 'reads') throw new Error(`${name} has no side effects by its proto, and its row says ${audit.kind}`);
  if (!free && audit.kind === 'reads' && name.startsWith('sboxagent.')) {
    throw new Error(`${name} reads by its row: give its proto idempotency_level = NO_SIDE_EFFECTS, or the row what it changes`);
  }
  if (audit.kind === 'changes' && desc.methodKind !== 'unary') throw new Error(`${name}: only unary methods may change what is audited`);
}

function rpcMethod(desc: DescMethod, table: Readonly<Record<string, Row>>): RpcMethod {
  const name = `${desc.parent.typeName}.${desc.name}`;
  const row = Object.hasOwn(table, name) ? table[name] : undefined;
  if (row === undefined) throw new Error(`${name} has no row in the table of methods: add it to src/api/methods.ts`);
  assertAudited(name, desc, row);
  return {
    path: `/${desc.parent.typeName}/${desc.name}`,
    service: desc.parent,
    desc,
    scope: row.scope === 'none' ? undefined : row.scope,
    stream: desc.methodKind !== 'unary',
    rateLimited: row.rateLimited ?? true,
    judgesItself: row.judgesItself ?? false,
    audit: row.audit,
  };
}

/** Every method of what is mounted. Throws for one without a row. */
export function rpcMethods(mounted: readonly Mounted[], table: Readonly<Record<string, Row>> = methodTable): RpcMethod[] {
  return mounted.flatMap(({ service }) => service.methods.map((desc) => rpcMethod(desc, table)));
}
