/** Puts the services together: what is served, behind the one dispatch. */
import { Health } from '../../gen/es/grpc/health/v1/health_pb.js';
import { AgentService } from '../../gen/es/sboxagent/v1/agent_service_pb.js';
import { AlertService } from '../../gen/es/sboxagent/v1/alert_service_pb.js';
import { AuditService } from '../../gen/es/sboxagent/v1/audit_service_pb.js';
import { ConfigService } from '../../gen/es/sboxagent/v1/config_service_pb.js';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { FleetService } from '../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { LogService } from '../../gen/es/sboxagent/v1/log_service_pb.js';
import { MetricsService } from '../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { PluginService } from '../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { PluginSessionService } from '../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { TraceService } from '../../gen/es/sboxagent/v1/trace_service_pb.js';
import type { Alerts } from '../alerts/types.ts';
import type { Audit } from '../audit/types.ts';
import type { ConfigManager } from '../config/types.ts';
import type { Journal } from '../events/types.ts';
import type { Logs } from '../logs/types.ts';
import type { Plugins } from '../plugins/types.ts';
import type { ProcessConfigs, ProcessExplanation, Supervisor } from '../processes/index.ts';
import type { Settings } from '../settings/types.ts';
import type { CustomMetrics } from '../telemetry/types.ts';
import type { Traces } from '../traces/types.ts';
import { serveMethods } from './dispatch/dispatch.ts';
import type { RequestMemory } from './dispatch/idempotency.ts';
import { createValidate } from './dispatch/validation.ts';
import type { HealthBoard, StatusSource } from './health.ts';
import { reflectionServices } from './reflection/reflection.ts';
import type { Mounted, ServedMethod } from './seam.ts';
import { agentService } from './services/agent-service.ts';
import { alertService } from './services/alert-service.ts';
import { auditService } from './services/audit-service.ts';
import { configService } from './services/config-service.ts';
import { eventService } from './services/event-service.ts';
import { type FleetSource, fleetService } from './services/fleet-service.ts';
import { healthService } from './services/health-service.ts';
import { logService } from './services/log-service.ts';
import { type MetricsServiceDeps, metricsService } from './services/metrics-service.ts';
import { pluginService } from './services/plugin-service.ts';
import { pluginSessionService } from './services/plugin-session-service.ts';
import { processService } from './services/process-service.ts';
import { traceService } from './services/trace-service.ts';

export interface ApiDeps {
  readonly journal: Journal;
  readonly logs: Pick<Logs, 'list' | 'feed'>;
  readonly supervisor: Supervisor;
  readonly configs: ProcessConfigs;
  readonly explain: (id: string) => Promise<ProcessExplanation>;
  readonly plugins: Plugins;
  readonly alerts: Alerts;
  readonly audit: Audit;
  readonly traces: Traces;
  /** undefined: this agent is in no fleet. */
  readonly fleet: FleetSource | undefined;
  readonly config: ConfigManager;
  readonly custom: CustomMetrics;
  readonly metrics: MetricsServiceDeps['metrics'];
  readonly health: HealthBoard;
  readonly status: StatusSource;
  readonly requests: RequestMemory;
  /** The settings in force: asked at every call, so that a reload takes effect. */
  readonly api: () => Pick<Settings['api'], 'limits' | 'streams'>;
}

export interface Api {
  /** Everything that is served, ready to be called. */
  readonly methods: readonly ServedMethod[];
}

function mounted<S extends Mounted['service']>(service: S, implementation: Mounted<S>['implementation']): Mounted {
  return { service, implementation } as unknown as Mounted;
}

export function createApi(deps: ApiDeps): Api {
  const { alerts, api, audit, config, configs, custom, explain, health, journal, logs, metrics, plugins, requests, status, supervisor } =
    deps;
  const validate = createValidate();
  const pingIntervalMs = (): number => api().streams.pingIntervalMs;
  const limits = (): { maxDepth: number } => ({ maxDepth: api().limits.jsonDepth });
  const own = [
    AgentService,
    ProcessService,
    EventService,
    LogService,
    ConfigService,
    PluginService,
    PluginSessionService,
    AlertService,
    MetricsService,
    TraceService,
    AuditService,
    FleetService,
  ];

  const services: Mounted[] = [
    mounted(AgentService, agentService({ health, status, journal, supervisor })),
    mounted(ProcessService, processService({ supervisor, configs, explain })),
    mounted(EventService, eventService({ journal, validate, limits, pingIntervalMs })),
    mounted(LogService, logService({ logs, pingIntervalMs })),
    mounted(ConfigService, configService({ config })),
    mounted(PluginService, pluginService({ plugins, limits })),
    mounted(PluginSessionService, pluginSessionService({ plugins, custom, limits })),
    mounted(AlertService, alertService({ alerts })),
    mounted(MetricsService, metricsService({ metrics })),
    mounted(TraceService, traceService({ traces: deps.traces })),
    mounted(AuditService, auditService({ audit })),
    mounted(FleetService, fleetService({ fleet: deps.fleet })),
    mounted(Health, healthService({ health, services: [...own, Health].map(({ typeName }) => typeName) })),
    ...reflectionServices([...own, Health]),
  ];

  return { methods: serveMethods(services, { validate, memory: requests, audit }) };
}
