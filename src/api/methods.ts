/**
 * Who may call what, and what else is special about a method. Deny by default: a method without a row is refused when the agent
 * starts.
 */
import type { DescMethod } from '@bufbuild/protobuf';
import type { Scope } from '../kernel/principal.ts';
import type { MethodPolicy, Mounted, RpcMethod } from './seam.ts';

interface Row {
  /** `none`: no token is needed; the service itself judges what of the answer needs one. */
  readonly scope: Scope | 'none';
  /** Whether a call counts against the rate limit; true unless said. */
  readonly rateLimited?: boolean;
  readonly judgesItself?: boolean;
  readonly document?: MethodPolicy['document'];
  readonly documentAnswer?: MethodPolicy['documentAnswer'];
}

const read: Row = { scope: 'read' };
const operate: Row = { scope: 'operate' };
const configure: Row = { scope: 'config:write' };
const publish: Row = { scope: 'events:write' };
/** Configuration comes and goes as YAML too. */
const yaml = { field: 'yaml', types: ['application/yaml', 'text/yaml', 'application/x-yaml', 'text/x-yaml'] };

/** The policy of every method: one row each. */
export const methodTable: Readonly<Record<string, Row>> = {
  'sboxagent.v1.AgentService.GetHealth': { scope: 'none', rateLimited: false },
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
  'sboxagent.v1.ProcessService.ApplyProcessConfig': { ...configure, document: { field: 'content', types: 'any' } },
  'sboxagent.v1.ProcessService.GetApply': read,
  'sboxagent.v1.ProcessService.ListProcessConfigRevisions': read,
  'sboxagent.v1.ProcessService.RollbackProcessConfig': configure,
  'sboxagent.v1.EventService.CreateEvent': publish,
  'sboxagent.v1.EventService.BatchCreateEvents': publish,
  'sboxagent.v1.EventService.PublishEvents': { ...publish, judgesItself: true },
  'sboxagent.v1.EventService.GetEvent': read,
  'sboxagent.v1.EventService.ListEvents': read,
  'sboxagent.v1.EventService.WatchEvents': read,
  'sboxagent.v1.LogService.ListLogs': read,
  'sboxagent.v1.LogService.TailLogs': read,
  'sboxagent.v1.ConfigService.GetConfig': { ...read, documentAnswer: yaml },
  'sboxagent.v1.ConfigService.ListConfigRevisions': read,
  'sboxagent.v1.ConfigService.UpdateConfig': { ...configure, document: yaml },
  'sboxagent.v1.ConfigService.ReloadConfig': configure,
  'sboxagent.v1.ConfigService.ValidateConfig': { ...configure, document: yaml },
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
  'sboxagent.v1.PluginService.UpdatePluginConfig': configure,
  'sboxagent.v1.PluginService.RestorePluginConfigBackup': configure,
  'sboxagent.v1.PluginSessionService.RegisterPlugin': publish,
  'sboxagent.v1.PluginSessionService.RenewPluginLease': publish,
  'sboxagent.v1.PluginSessionService.ReportPluginHealth': publish,
  'sboxagent.v1.PluginSessionService.WatchPluginConfig': publish,
  'sboxagent.v1.PluginSessionService.AckPluginConfig': publish,
  'sboxagent.v1.PluginSessionService.RecordMetrics': publish,
  'sboxagent.v1.PluginSessionService.EndPluginSession': publish,
  'sboxagent.v1.AlertService.ListAlerts': read,
  'sboxagent.v1.AlertService.WatchAlerts': read,
  'sboxagent.v1.AlertService.AcknowledgeAlert': operate,
  'sboxagent.v1.MetricsService.GetMetrics': read,
  // Check of the empty name needs no token; of a named service the health service asks for `read` itself.
  'grpc.health.v1.Health.Check': { scope: 'none', rateLimited: false },
  'grpc.health.v1.Health.List': { scope: 'read', rateLimited: false },
  'grpc.health.v1.Health.Watch': { scope: 'read', rateLimited: false },
  'grpc.reflection.v1.ServerReflection.ServerReflectionInfo': read,
  'grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo': read,
};

function rpcMethod(desc: DescMethod, table: Readonly<Record<string, Row>>): RpcMethod {
  const name = `${desc.parent.typeName}.${desc.name}`;
  const row = Object.hasOwn(table, name) ? table[name] : undefined;
  if (row === undefined) throw new Error(`${name} has no row in the table of methods: add it to src/api/methods.ts`);
  return {
    path: `/${desc.parent.typeName}/${desc.name}`,
    service: desc.parent,
    desc,
    scope: row.scope === 'none' ? undefined : row.scope,
    stream: desc.methodKind !== 'unary',
    rateLimited: row.rateLimited ?? true,
    judgesItself: row.judgesItself ?? false,
    document: row.document,
    documentAnswer: row.documentAnswer,
  };
}

/** Every method of what is mounted. Throws for one without a row. */
export function rpcMethods(mounted: readonly Mounted[], table: Readonly<Record<string, Row>> = methodTable): RpcMethod[] {
  return mounted.flatMap(({ service }) => service.methods.map((desc) => rpcMethod(desc, table)));
}
