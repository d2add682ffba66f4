import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { type Client, Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { AgentService } from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
import { AlertService } from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
import { ConfigService } from '../../../gen/es/sboxagent/v1/config_service_pb.js';
import { EventService } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import { FleetService } from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { LogService } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import { MetricsService } from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { PluginService } from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { ProcessService } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { TraceService } from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
import type { Session } from './session.ts';
import { pause } from './time.ts';

export interface Clients {
  readonly agent: Client<typeof AgentService>;
  readonly alerts: Client<typeof AlertService>;
  readonly config: Client<typeof ConfigService>;
  readonly events: Client<typeof EventService>;
  readonly fleet: Client<typeof FleetService>;
  readonly logs: Client<typeof LogService>;
  readonly metrics: Client<typeof MetricsService>;
  readonly plugins: Client<typeof PluginService>;
  readonly processes: Client<typeof ProcessService>;
  readonly traces: Client<typeof TraceService>;
}

export function createClients(session: Session, baseUrl: string): Clients {
  const transport = createConnectTransport({
    baseUrl,
    useBinaryFormat: true,
    // No cookie is sent or kept: only the header says who calls.
    fetch: (input, init) => fetch(input, { ...init, credentials: 'omit', cache: 'no-store', redirect: 'error' }),
    interceptors: [withToken(session), retryWhenLimited],
  });
  return {
    agent: createClient(AgentService, transport),
    alerts: createClient(AlertService, transport),
    config: createClient(ConfigService, transport),
    events: createClient(EventService, transport),
    fleet: createClient(FleetService, transport),
    logs: createClient(LogService, transport),
    metrics: createClient(MetricsService, transport),
    plugins: createClient(PluginService, transport),
    processes: createClient(ProcessService, transport),
    traces: createClient(TraceService, transport),
  };
}

function withToken(session: Session): Interceptor {
  return (next) => async (request) => {
    const token = session.token.value;
    if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
    try {
      return await next(request);
    } catch (error) {
      // A token that was taken away meanwhile says nothing about the one that is there now.
      if (session.token.value === token) session.failed(error);
      throw error;
    }
  };
}

const longestWaitSeconds = 60;

/** A read that came too often waits for as long as the agent says, once. */
const retryWhenLimited: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    const failure = ConnectError.from(error);
    const seconds = Number(failure.metadata.get('retry-after') ?? Number.NaN);
    const safe = request.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !request.stream;
    if (!safe || failure.code !== Code.ResourceExhausted || !(seconds <= longestWaitSeconds)) throw error;
    await pause(seconds * 1000, request.signal);
    return next(request);
  }
};
