import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { AgentService } from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
import { AlertService } from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
import { AuditService } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import { ConfigService } from '../../../gen/es/sboxagent/v1/config_service_pb.js';
import { EventService } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import { LogService } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import { MetricsService } from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { PluginService } from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { PluginSessionService } from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { ProcessService } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import { agentError } from './errors.ts';

/** Every service of the agent; no two of them have a method of the same name. */
export const services: readonly DescService[] = [
  AgentService,
  AlertService,
  AuditService,
  ConfigService,
  EventService,
  LogService,
  MetricsService,
  PluginService,
  PluginSessionService,
  ProcessService,
];

/** Every RPC as a method with the request as its argument: `getProcess({ id: 'edge' })`, `for await (const m of watchEvents({}))`. */
export type AgentMethods = Client<typeof AgentService> &
  Client<typeof AlertService> &
  Client<typeof AuditService> &
  Client<typeof ConfigService> &
  Client<typeof EventService> &
  Client<typeof LogService> &
  Client<typeof MetricsService> &
  Client<typeof PluginService> &
  Client<typeof PluginSessionService> &
  Client<typeof ProcessService>;

type Method = (request: unknown, options?: object) => Promise<unknown> | AsyncIterable<unknown>;

/** All methods over one transport; what they throw is an AgentError. */
export function agentMethods(transport: Transport): AgentMethods {
  const methods: Record<string, Method> = {};
  for (const service of services) {
    const client = createClient(service, transport) as unknown as Record<string, Method>;
    for (const { localName, methodKind } of service.methods) {
      const call = client[localName];
      // A stream may last for ever: the time limit of calls is not for it, unless the caller says so.
      if (call !== undefined) methods[localName] = typed(call, methodKind === 'unary' ? {} : { timeoutMs: 0 });
    }
  }
  return methods as unknown as AgentMethods;
}

function typed(call: Method, defaults: object): Method {
  return (request, options) => {
    const answer = call(request, { ...defaults, ...options });
    return answer instanceof Promise ? answer.catch(raise) : messages(answer);
  };
}

function raise(error: unknown): never {
  throw agentError(error);
}

async function* messages(answers: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* answers;
  } catch (error) {
    raise(error);
  }
}

/** What a list has, over all its pages: `for await (const event of paginate(agent.listEvents, {}, 'events'))`. */
export async function* paginate<Request extends { pageToken?: string }, Page extends { nextPageToken: string }, Field extends keyof Page>(
  method: (request: Request) => Promise<Page>,
  request: Request,
  field: Field,
): AsyncGenerator<Page[Field] extends readonly (infer Item)[] ? Item : never> {
  let pageToken = request.pageToken ?? '';
  do {
    const page = await method({ ...request, pageToken });
    yield* page[field] as Iterable<Page[Field] extends readonly (infer Item)[] ? Item : never>;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
