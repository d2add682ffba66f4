import { statSync } from 'node:fs';
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  type Interceptor,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { AgentServiceClient } from '../../gen/ts/sboxagent/v1/agent_service.ts';
import { EventServiceClient } from '../../gen/ts/sboxagent/v1/event_service.ts';
import { LogServiceClient } from '../../gen/ts/sboxagent/v1/log_service.ts';
import { ProcessServiceClient } from '../../gen/ts/sboxagent/v1/process_service.ts';
import type { FleetClient } from '../fleet/client.ts';
import type { Context } from './context.ts';
import { EXIT, Failure, usage } from './failure.ts';
import { duration } from './flags.ts';
import type { FleetRoute } from './fleet/over-fleet.ts';
import { failureOf, notReached } from './service-error.ts';
import { findTarget, readableOnTheWay, type Target } from './target.ts';

const defaultTimeoutMs = 30_000;

const channelOptions: ClientOptions = {
  // A failed connection must not be waited out by the next one.
  'grpc.use_local_subchannel_pool': 1,
  // The agent is called directly, whatever proxy the environment names: it may be the very proxy that the agent runs.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': -1,
  // Followers notice a peer that is gone without a word.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

/** A connection to the agent. Made anew by a follower for each attempt. */
export interface Agent {
  readonly where: string;
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly channelOptions: ClientOptions;
  readonly metadata: Metadata;
  readonly agents: AgentServiceClient;
  readonly processes: ProcessServiceClient;
  readonly events: EventServiceClient;
  readonly logs: LogServiceClient;
  /** Deadline of a call that starts now. */
  deadline(defaultMs?: number): number;
  /** For a stream that starts now: it may last for ever, unless --timeout bounds it. */
  streamOptions(): Partial<CallOptions>;
  close(): void;
}

/** What stays the same over all attempts to connect. */
export interface Dial {
  readonly where: string;
  /** What --timeout or the environment say. */
  readonly timeoutMs: number | undefined;
  connect(): Agent;
}

export async function dial(context: Context): Promise<Dial> {
  const { io, options } = context;
  const timeoutMs = await timeoutOf(context);
  if (options.agent !== undefined) return dialFleet(context, options.agent, { timeoutMs, nowMs: () => io.clock.wallMs() });
  const target = await findTarget(context);
  if (target.token !== undefined && readableOnTheWay(target)) {
    io.stderr.write(`sboxagent: warning: the token goes to ${target.name} unencrypted; use https:// or --tls\n`);
  }
  return { where: target.name, timeoutMs, connect: () => connect(target, { timeoutMs, nowMs: () => io.clock.wallMs() }) };
}

/** What --timeout or the environment say. Throws Failure. */
export async function timeoutOf({ io, options }: Context): Promise<number | undefined> {
  if (options.timeout !== undefined) return duration(options.timeout, '--timeout');
  return duration((await io.env())['SBOXAGENT_TIMEOUT'] || undefined, 'SBOXAGENT_TIMEOUT');
}

interface Timing {
  readonly timeoutMs: number | undefined;
  readonly nowMs: () => number;
}

/** An agent of the fleet: calls go over NATS, each connection with one to the servers of its own. */
async function dialFleet(context: Context, name: string, timing: Timing): Promise<Dial> {
  if (context.options.target !== undefined) throw usage('--agent and --target exclude each other');
  const [{ fleetSettings, signingKey }, { openFleetClient }] = await Promise.all([
    import('./fleet/place.ts'),
    import('../fleet/client.ts'),
  ]);
  const [settings, key] = [await fleetSettings(context), await signingKey(context)];
  const { clock } = context.io;
  const route = await fleetRoute(timing);
  const dialed = (): Agent => {
    let client: Promise<FleetClient> | undefined;
    const agent = route({
      agent: name,
      key,
      clock,
      client: () => (client ??= openFleetClient(settings, clock, { timeoutMs: timing.timeoutMs })),
    });
    const close = (): void => {
      agent.close();
      client?.then((one) => one.close()).catch(() => {});
    };
    return { ...agent, close };
  };
  return { where: whereOf(name), timeoutMs: timing.timeoutMs, connect: dialed };
}

/** How agents of the fleet are dialled over one connection to its servers, which stays open when theirs are closed. Throws Failure. */
export async function fleetDialer(context: Context, client: FleetClient): Promise<(name: string) => Dial> {
  const { io } = context;
  const timing = { timeoutMs: await timeoutOf(context), nowMs: () => io.clock.wallMs() };
  const { signingKey } = await import('./fleet/place.ts');
  const [key, route] = [await signingKey(context), await fleetRoute(timing)];
  return (name) => ({
    ...{ where: whereOf(name), timeoutMs: timing.timeoutMs },
    connect: () => route({ agent: name, key, clock: io.clock, client: async () => client }),
  });
}

const whereOf = (name: string): string => `agent ${name} of the fleet`;

async function fleetRoute(timing: Timing): Promise<(route: FleetRoute) => Agent> {
  const { overFleet } = await import('./fleet/over-fleet.ts');
  return (route) => connect({ name: whereOf(route.agent), address: 'dns:fleet.invalid:1', token: undefined }, timing, [overFleet(route)]);
}

function connect(target: Target, { timeoutMs, nowMs }: Timing, interceptors: Interceptor[] = []): Agent {
  if (target.socket !== undefined) assertSocket(target.socket);
  const security = securityOf(target);
  const metadata = new Metadata();
  if (target.token !== undefined) metadata.set('authorization', `Bearer ${target.token}`);
  const common = { ...channelOptions, interceptors };
  const agents = new AgentServiceClient(target.address, security, common);
  const shared = { ...common, channelOverride: agents.getChannel() };
  return {
    where: target.name,
    address: target.address,
    credentials: security,
    channelOptions: shared,
    metadata,
    agents,
    processes: new ProcessServiceClient(target.address, security, shared),
    events: new EventServiceClient(target.address, security, shared),
    logs: new LogServiceClient(target.address, security, shared),
    deadline: (defaultMs = defaultTimeoutMs) => nowMs() + (timeoutMs ?? defaultMs),
    streamOptions: () => (timeoutMs === undefined ? {} : { deadline: nowMs() + timeoutMs }),
    close: () => agents.close(),
  };
}

function securityOf({ tls }: Target): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  try {
    return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
  } catch (error) {
    throw usage(`the certificates or the key cannot be used: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/** grpc-js would say the same later and less clearly. */
function assertSocket(path: string): void {
  try {
    if (statSync(path).isSocket()) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no socket' : `the socket cannot be reached (${code ?? 'unknown error'})`;
    throw new Failure(EXIT.unreachable, `no agent answers at unix:${path}: ${why}`, {
      reason: 'UNAVAILABLE',
      remedy: notReached,
      passing: true,
    });
  }
  throw new Failure(EXIT.unreachable, `no agent answers at unix:${path}: it is no socket`, {
    reason: 'UNAVAILABLE',
    remedy: notReached,
    passing: true,
  });
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** Calls a unary method. Throws Failure. */
export function unary<Request, Response>(
  agent: Agent,
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: { readonly defaultTimeoutMs?: number } = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    method(request, agent.metadata, { deadline: agent.deadline(options.defaultTimeoutMs) }, (error, response) => {
      if (error === null) resolve(response);
      else reject(failureOf(error, agent.where));
    });
  });
}

/** The messages of a server stream, read as fast as they are used. Cancels the call when the reader leaves. Throws Failure. */
export async function* messages<T>(agent: Agent, stream: ClientReadableStream<T>): AsyncGenerator<T> {
  // After a cancel the stream says so once more, to nobody.
  stream.on('error', () => {});
  try {
    for await (const message of stream) yield message as T;
  } catch (error) {
    throw failureOf(error, agent.where);
  } finally {
    stream.cancel();
  }
}

/** Runs `use` with a connection and closes it. */
export async function withAgent<T>(context: Context, use: (agent: Agent) => Promise<T>): Promise<T> {
  const { connect } = await dial(context);
  const agent = connect();
  try {
    return await use(agent);
  } finally {
    agent.close();
  }
}
