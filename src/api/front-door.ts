/**
 * The one way in: a TCP port and a unix socket, on which gRPC, gRPC-Web, Connect and REST are served by the same
 * implementations behind the same gate.
 */
import type { ConnectRouterOptions } from '@connectrpc/connect';
import type { Access } from '../access/types.ts';
import type { Audit } from '../audit/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { Settings } from '../settings/types.ts';
import type { Telemetry } from '../telemetry/types.ts';
import { createCapacity } from './gate/capacity.ts';
import { createGate } from './gate/gate.ts';
import { createOpenCalls, inspectEveryMs } from './gate/open-calls.ts';
import { createRateLimiter, type RateLimiter } from './gate/rate-limit.ts';
import { rememberValid } from './gate/token.ts';
import type { CertificateWatch } from './listener/certificate.ts';
import { createListener, type Listener } from './listener/listener.ts';
import type { ConnectionLimits } from './listener/sessions.ts';
import { createProtocols } from './protocols/protocols.ts';
import type { PlainRoute, ServedMethod } from './seam.ts';
import { type MessageCall, MessageExchange } from './transports/message.ts';

export interface FrontDoorOptions {
  readonly api: Settings['api'];
  readonly access: Access;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Where refused calls are written down. */
  readonly audit?: Pick<Audit, 'refused'>;
  /** Everything that is served. */
  readonly methods: readonly ServedMethod[];
  /** Options of Connect's handlers over our own. `readMaxBytes` is api.limits.message_bytes unless given. */
  readonly connect?: ConnectRouterOptions;
  readonly plain: readonly PlainRoute[];
  /** Whom renewed files of `api.tls` are told; absent: they are read once. */
  readonly certificate?: CertificateWatch;
  /** Undefined: no unix socket. */
  readonly unixSocketPath: string | undefined;
  /** False leaves the errors of gRPC and Connect without details (the conformance suite wants them bare). */
  readonly errorDetails?: boolean;
}

interface FrontDoorStats {
  readonly connections: number;
  readonly streams: number;
  readonly unary: number;
}

export interface FrontDoor {
  /** Binds the endpoints; answers how to reach them. Throws RefusedError. */
  start(): Promise<readonly string[]>;
  /** Streams end UNAVAILABLE, calls in flight drain; what is open after `deadlineMs` is destroyed. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
  /** Takes over what may change while it runs: limits, timeouts, rate, hosts, origins. Not the endpoints. */
  reconfigure(api: Settings['api']): void;
  /** Serves a call that a broker has brought, through the same gate. */
  serveMessage(call: MessageCall): void;
  /** Reads the files of `api.tls` now: new handshakes get what they hold. Answers what is wrong with them; the old one is served on then. */
  renewCertificate(): string | undefined;
  stats(): FrontDoorStats;
  /** Open streams by RPC path. */
  streamsByMethod(): Readonly<Record<string, number>>;
}

export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { audit, clock, telemetry, access } = options;
  let api = options.api;
  let limiter: RateLimiter = createRateLimiter(api.security.rateLimit, clock);
  let stopping: Promise<void> | undefined;
  const counters = countersOf(telemetry);
  const refused = (limit: string): void => counters.limitRefused.add(1, { limit });
  const capacity = createCapacity(refused);
  const calls = createOpenCalls({ api: () => api, clock, telemetry, limitRefused: counters.limitRefused, audit });
  const { methods, connect = {}, errorDetails: details = true } = options;
  const judged = rememberValid(access, clock);
  const protocols = createProtocols({ methods, connect, details, limits: () => api.limits });
  const gate = createGate({
    ...{ access: judged, audit, clock, telemetry, capacity, calls, counters },
    api: () => api,
    routes: {
      methods: new Map(methods.map((method) => [method.path, method])),
      plain: new Map(options.plain.map((route) => [route.path, route])),
      protocols,
    },
    limiter: () => limiter,
    stopping: () => stopping !== undefined,
  });
  const listeners = listenersOf(options, { gate, refused, limits: () => ({ ...api.limits, ...api.streams }) });
  const unsubscribe = access.onRevoked((id, reason) => {
    judged.forget();
    calls.revoke(id, reason);
  });
  // One look at everything that is open, four times a second, instead of timers for each.
  let lookedMs = clock.monotonicMs();
  let late = false;
  const stopInspecting = clock.every(inspectEveryMs, () => {
    const nowMs = clock.monotonicMs();
    // An agent that stood still has not read what its peers said meanwhile: it reads before it judges them.
    late = !late && nowMs - lookedMs >= 2 * inspectEveryMs;
    lookedMs = nowMs;
    if (late) return;
    calls.inspect(nowMs);
    for (const listener of listeners) listener.inspect(nowMs);
  });
  const stats = (): FrontDoorStats => ({
    connections: listeners.reduce((sum, listener) => sum + listener.count(), 0),
    streams: capacity.streams(),
    unary: capacity.unary(),
  });
  observe(options, { stats, streamsByMethod: capacity.byMethod });

  const shut = async (deadlineMs: number): Promise<void> => {
    unsubscribe();
    for (const listener of listeners) listener.close();
    calls.interruptStreams();
    await within(clock, deadlineMs, calls.drained());
    await Promise.all(listeners.map((listener) => listener.destroy()));
    stopInspecting();
  };

  const stop = (deadlineMs: number): Promise<void> => {
    stopping ??= shut(deadlineMs);
    return stopping;
  };

  return {
    async start() {
      const started: string[] = [];
      try {
        // The port last: who is answered there finds the socket too.
        for (const listener of listeners.toReversed()) started.unshift(await listener.start());
      } catch (error) {
        await stop(0);
        throw error;
      }
      return started;
    },
    stop,
    serveMessage: (call) => gate(new MessageExchange(call), false),
    reconfigure(next) {
      if (JSON.stringify(next.security.rateLimit) !== JSON.stringify(api.security.rateLimit)) {
        limiter = createRateLimiter(next.security.rateLimit, clock);
      }
      api = next;
      for (const listener of listeners) listener.apply();
    },
    renewCertificate: () => listeners.map((listener) => listener.renewCertificate()).find((problem) => problem !== undefined),
    stats,
    streamsByMethod: capacity.byMethod,
  };
}

function countersOf(telemetry: Telemetry) {
  const { metrics } = telemetry;
  return {
    denied: metrics.counter('sboxagent_auth_denied_total'),
    rateLimited: metrics.counter('sboxagent_rate_limited_total'),
    limitRefused: metrics.counter('sboxagent_limit_refused_total'),
  };
}

/** Every kind of stream is there from the start, so that an alert on one sees its first too. */
function observe({ telemetry, methods }: FrontDoorOptions, { stats, streamsByMethod }: Pick<FrontDoor, 'stats' | 'streamsByMethod'>): void {
  const kindOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const kinds = methods.flatMap(({ stream, path }) => (stream ? [kindOf(path)] : []));
  telemetry.metrics.observe('sboxagent_connections', { kind: 'gauge' }, () => [{ value: stats().connections }]);
  telemetry.metrics.observe('sboxagent_streams', { kind: 'gauge' }, () => {
    const open = new Map(kinds.map((kind) => [kind, 0]));
    for (const [path, value] of Object.entries(streamsByMethod())) open.set(kindOf(path), (open.get(kindOf(path)) ?? 0) + value);
    return [...open].map(([kind, value]) => ({ value, labels: { kind } }));
  });
}

type Door = {
  readonly gate: ReturnType<typeof createGate>;
  readonly refused: (limit: string) => void;
  readonly limits: () => ConnectionLimits;
};

function listenersOf(options: FrontDoorOptions, door: Door): Listener[] {
  const { api, clock, unixSocketPath } = options;
  const common = { clock, limits: door.limits, refused: () => door.refused('connections') };
  const listeners: Listener[] = [];
  if (api.enabled) {
    const endpoint = { kind: 'tcp', host: api.host, port: api.port, tls: api.tls } as const;
    listeners.push(
      createListener({ ...common, endpoint, certificate: options.certificate, handler: (exchange) => door.gate(exchange, false) }),
    );
  }
  if (unixSocketPath !== undefined) {
    const endpoint = { kind: 'unix', socket: { ...api.unixSocket, path: unixSocketPath } } as const;
    listeners.push(createListener({ ...common, endpoint, handler: (exchange) => door.gate(exchange, true) }));
  }
  return listeners;
}
