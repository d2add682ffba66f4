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
import { serveMethods } from './dispatch/dispatch.ts';
import type { RequestMemory } from './dispatch/idempotency.ts';
import { createValidate } from './dispatch/validation.ts';
import { reflectionServices } from './reflection/reflection.ts';
import { mount, type ServedMethod } from './seam.ts';
import { agentService } from './services/agent-service.ts';
import { alertService } from './services/alert-service.ts';
import { auditService } from './services/audit-service.ts';
import { configService } from './services/config-service.ts';
import type { ServiceDeps } from './services/deps.ts';
import { eventService } from './services/event-service.ts';
import { fleetService } from './services/fleet-service.ts';
import { healthService } from './services/health-service.ts';
import { logService } from './services/log-service.ts';
import { metricsService } from './services/metrics-service.ts';
import { pluginService } from './services/plugin-service.ts';
import { pluginSessionService } from './services/plugin-session-service.ts';
import { processService } from './services/process-service.ts';
import { traceService } from './services/trace-service.ts';

export interface ApiDeps extends Omit<ServiceDeps, 'validate'> {
  /** What was answered to which request_id. */
  readonly requests: RequestMemory;
}

export interface Api {
  /** Everything that is served, ready to be called. */
  readonly methods: readonly ServedMethod[];
}

export function createApi(deps: ApiDeps): Api {
  const validate = createValidate();
  const all = { ...deps, validate };
  const own = [
    mount(AgentService, agentService(all)),
    mount(ProcessService, processService(all)),
    mount(EventService, eventService(all)),
    mount(LogService, logService(all)),
    mount(ConfigService, configService(all)),
    mount(PluginService, pluginService(all)),
    mount(PluginSessionService, pluginSessionService(all)),
    mount(AlertService, alertService(all)),
    mount(MetricsService, metricsService(all)),
    mount(TraceService, traceService(all)),
    mount(AuditService, auditService(all)),
    mount(FleetService, fleetService(all)),
  ];
  const services = [...own.map(({ service }) => service), Health];
  const names = services.map(({ typeName }) => typeName);
  const mounted = [...own, mount(Health, healthService(all, names)), ...reflectionServices(services)];
  return { methods: serveMethods(mounted, { validate, memory: deps.requests, audit: deps.audit }) };
}
