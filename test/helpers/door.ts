/** A front door on port 0 with fake services, a fake access and a silent telemetry: what is real are the sockets. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { AgentService } from '../../gen/es/sboxagent/v1/agent_service_pb.js';
import { EventService, WatchEventsResponseSchema } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import type { Access } from '../../src/access/types.ts';
import { callOf } from '../../src/api/calls.ts';
import { serveMethods } from '../../src/api/dispatch/dispatch.ts';
import { createFrontDoor, type FrontDoor } from '../../src/api/front-door.ts';
import type { Mounted, PlainRoute, RpcMethod, ServedMethod } from '../../src/api/seam.ts';
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import type { Scope } from '../../src/kernel/principal.ts';
import type { Settings } from '../../src/settings/types.ts';
import type { CallSpan, Logger, Telemetry } from '../../src/telemetry/types.ts';

export const readToken = 'r'.repeat(40);
export const adminToken = 'a'.repeat(40);

const tokens: Readonly<Record<string, { id: string; scopes: Scope[] }>> = {
  [readToken]: { id: 'reader', scopes: ['read'] },
  [adminToken]: { id: 'admin', scopes: ['admin'] },
};

export interface FakeAccess extends Access {
  revoke(id: string, reason: ErrorReason): void;
}

function fakeAccess(): FakeAccess {
  const listeners = new Set<(id: string, reason: ErrorReason) => void>();
  return {
    authenticate(authorization) {
      if (authorization === undefined) return { ok: false, reason: 'TOKEN_MISSING', message: 'no token' };
      const known = tokens[authorization.replace(/^Bearer /, '')];
      if (known === undefined) return { ok: false, reason: 'TOKEN_INVALID', message: 'unknown token' };
      return { ok: true, principal: { id: known.id, name: known.id, scopes: new Set(known.scopes) } };
    },
    onRevoked(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    revoke(id, reason) {
      for (const fn of listeners) fn(id, reason);
    },
  };
}

export interface FakeTelemetry extends Telemetry {
  readonly counts: Map<string, number>;
  readonly ended: { method: string; code: string }[];
  readonly lines: { level: string; message: string; fields: object }[];
}

export function fakeTelemetry(): FakeTelemetry {
  const counts = new Map<string, number>();
  const ended: { method: string; code: string }[] = [];
  const lines: { level: string; message: string; fields: object }[] = [];
  const line = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields });
  const logger: Logger = {
    ...{ trace: line('trace'), debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), fatal: line('fatal') },
    child: () => logger,
  };
  const startCall: Telemetry['startCall'] = ({ service, method, headers }): CallSpan => {
    const parent = /^00-([0-9a-f]{32})-/.exec(String(headers['traceparent']))?.[1];
    const ids = { traceId: parent ?? randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
    const span: Span = trace.wrapSpanContext({ ...ids, traceFlags: 1 });
    let done = false;
    const end = (code: string): void => {
      if (!done) ended.push({ method: `${service}/${method}`, code });
      done = true;
    };
    return { ...ids, context: ROOT_CONTEXT, span, end };
  };
  return {
    ...{ counts, ended, lines, logger, startCall },
    metrics: {
      counter: (name) => ({ add: (n, labels) => void counts.set(keyOf(name, labels), (counts.get(keyOf(name, labels)) ?? 0) + n) }),
      histogram: () => ({ record: () => {} }),
      observe: () => {},
      prometheus: () => Promise.resolve(''),
      current: () => [],
    },
    spans: { start: () => ({ traceId: '', spanId: '', end: () => {} }) },
    keepSpans: () => {},
    logSender: () => Promise.resolve(undefined),
    custom: { record: () => [] },
    snapshot: () => Promise.resolve([]),
    run: (_call, fn) => fn(),
    active: () => ({ traceId: '', spanId: '' }),
    setLogLevel: () => {},
    logs: () => true,
    onLogLine: () => {},
    stop: () => Promise.resolve(),
  };
}

function keyOf(name: string, labels: object | undefined): string {
  return [name, ...Object.values(labels ?? {})].join(' ');
}

export type ApiOverrides = {
  [K in keyof Settings['api']]?: Settings['api'][K] extends readonly unknown[] | string | number | boolean | undefined
    ? Settings['api'][K]
    : Partial<Settings['api'][K]>;
};

export function apiSettings(over: ApiOverrides = {}): Settings['api'] {
  return {
    enabled: true,
    host: over.host ?? '127.0.0.1',
    port: over.port ?? 0,
    unixSocket: { path: '', mode: 0o660, group: undefined, ...over.unixSocket },
    tls: over.tls as Settings['api']['tls'],
    allowedHosts: over.allowedHosts ?? [],
    security: {
      authEnabled: true,
      authToken: undefined,
      authTokenFile: undefined,
      rateLimit: { enabled: false, requestsPerMinute: 60, burst: 10 },
      cors: { enabled: true, allowedOrigins: ['http://localhost:3000'] },
      ...over.security,
    },
    streams: { enabled: true, pingIntervalMs: 30_000, pongTimeoutMs: 10_000, maxConnections: 100, ...over.streams },
    limits: {
      messageBytes: 32 * 1024,
      jsonDepth: 32,
      connections: 256,
      streamsPerConnection: 100,
      concurrentUnary: 128,
      headerTimeoutMs: 10_000,
      bodyTimeoutMs: 30_000,
      idleTimeoutMs: 60_000,
      ...over.limits,
    },
    metrics: { enabled: true, prometheusEndpoint: '/metrics', collectionIntervalMs: 15_000, public: false },
    console: { enabled: false },
  };
}

/** Says hello, then `flood` bytes a message without end, or nothing more until it is told to stop. */
function eventService(flood: number): Partial<ServiceImpl<typeof EventService>> {
  return {
    listEvents: (request, context) => {
      if (request.pageToken === 'broken') throw new Error('secret=1');
      if (request.pageToken === 'gone') throw new AgentError('EVENT_NOT_FOUND', 'gone');
      return { nextPageToken: `principal ${callOf(context).principal.id}` };
    },
    createEvent: (request) => request.event ?? {},
    async *watchEvents(_request, context) {
      const { signal } = callOf(context);
      yield create(WatchEventsResponseSchema, { progress: { revision: 1n } });
      while (flood > 0 && !signal.aborted) {
        yield create(WatchEventsResponseSchema, { events: [{ type: 'x'.repeat(flood) }] });
      }
      await new Promise<void>((resolve) =>
        signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      if (signal.reason instanceof AgentError) throw signal.reason;
    },
    async *publishEvents(requests) {
      for await (const request of requests) yield { batchId: request.batchId };
    },
  };
}

const agentService: Partial<ServiceImpl<typeof AgentService>> = {
  getHealth: (_request, context) => ({ components: [{ name: callOf(context).principal.id }] }),
};

const scopeOf: Readonly<Record<string, Scope | undefined>> = {
  GetHealth: undefined,
  GetEvent: undefined,
  CreateEvent: 'events:write',
  PublishEvents: 'events:write',
};

/** Every method of these services, with scopes as this table has them. */
export function methodsOf(services: readonly DescService[], scope: (name: string) => Scope | undefined): RpcMethod[] {
  return services.flatMap((service) =>
    service.methods.map((desc) => ({
      path: `/${service.typeName}/${desc.name}`,
      service,
      desc,
      scope: scope(desc.name),
      stream: desc.methodKind !== 'unary',
      rateLimited: true,
      judgesItself: false,
      audit: { kind: 'reads' } as const,
    })),
  );
}

function served(flood: number, handlers: Partial<ServiceImpl<typeof EventService>>): ServedMethod[] {
  const mounted = [
    { service: EventService, implementation: { ...eventService(flood), ...handlers } },
    { service: AgentService, implementation: agentService },
  ] as unknown as Mounted[];
  const methods = methodsOf([EventService, AgentService], (name) => (name in scopeOf ? scopeOf[name] : 'read'));
  return serveMethods(mounted, { validate: () => {}, memory: undefined }, methods);
}

const plain: readonly PlainRoute[] = [
  {
    path: '/metrics',
    scope: 'read',
    rateLimited: false,
    async serve(exchange) {
      exchange.answer(200, { 'content-type': 'text/plain' }, 'up 1\n');
    },
  },
];

export interface Door extends AsyncDisposable {
  readonly door: FrontDoor;
  readonly base: string;
  readonly port: number;
  readonly socketPath: string;
  readonly access: FakeAccess;
  readonly telemetry: FakeTelemetry;
}

export async function openDoor(
  over: ApiOverrides = {},
  extra: { flood?: number; handlers?: Partial<ServiceImpl<typeof EventService>>; plain?: readonly PlainRoute[] } = {},
): Promise<Door> {
  const dir = await mkdtemp(join(tmpdir(), 'door-'));
  const access = fakeAccess();
  const telemetry = fakeTelemetry();
  const methods = served(extra.flood ?? 0, extra.handlers ?? {});
  const socketPath = join(dir, 'api.sock');
  const door = createFrontDoor({
    ...{ access, telemetry, methods, plain: [...plain, ...(extra.plain ?? [])] },
    api: apiSettings(over),
    clock: systemClock,
    unixSocketPath: socketPath,
  });
  const started = door.start();
  await started.catch(() => rm(dir, { recursive: true, force: true }));
  const [base = ''] = await started;
  return {
    ...{ door, base, socketPath, access, telemetry },
    port: Number(new URL(base).port),
    async [Symbol.asyncDispose]() {
      await door.stop(100);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
