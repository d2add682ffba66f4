// Written by clients/typescript/generate.ts; do not edit.
import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { AgentService } from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
import { AlertService } from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
import { AuditService } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import { ConfigService } from '../../../gen/es/sboxagent/v1/config_service_pb.js';
import { EventService } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import { FleetService } from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { LogService } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import { MetricsService } from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { PluginService } from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { PluginSessionService } from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { ProcessService } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { TraceService } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';

/** Every service of the agent; no two of them have a method of the same name. */
export const services: readonly DescService[] = [
  AgentService,
  AlertService,
  AuditService,
  ConfigService,
  EventService,
  FleetService,
  LogService,
  MetricsService,
  PluginService,
  PluginSessionService,
  ProcessService,
  TraceService,
];

/** Every RPC as a method with the request as its argument: `getProcess({ id: 'edge' })`, `for await (const m of watchEvents({}))`. */
export type AgentMethods = Client<typeof AgentService> &
  Client<typeof AlertService> &
  Client<typeof AuditService> &
  Client<typeof ConfigService> &
  Client<typeof EventService> &
  Client<typeof FleetService> &
  Client<typeof LogService> &
  Client<typeof MetricsService> &
  Client<typeof PluginService> &
  Client<typeof PluginSessionService> &
  Client<typeof ProcessService> &
  Client<typeof TraceService>;
