/** A front door on port 0 with fake services, a fake access and a silent telemetry: what is real are the sockets. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { EventService, WatchEventsResponseSchema } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import type { Access } from '../../src/access/types.ts';
import { end, write, writeHead } from '../../src/api/exchange.ts';
import { createFrontDoor, type FrontDoor } from '../../src/api/front-door.ts';
import { errors } from '../../src/api/interceptors/errors.ts';
import { callKey, type Gateway, type PlainRoute, type RpcMethod } from '../../src/api/seam.ts';
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
    custom: { record: () => [] },
    run: (_call, fn) => fn(),
    active: () => ({ traceId: '', spanId: '' }),
    setLogLevel: () => {},
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
  };
}

/** Says hello, then `flood` bytes a message without end, or nothing more until it is told to stop. */
function eventService(flood: number): Partial<ServiceImpl<typeof EventService>> {
  return {
    listEvents: (request) => {
      if (request.pageToken === 'broken') throw new Error('secret=1');
      if (request.pageToken === 'gone') throw new AgentError('EVENT_NOT_FOUND', 'gone');
      return {};
    },
    createEvent: (request) => request.event ?? {},
    async *watchEvents(_request, context) {
      const signal = context.values.get(callKey)?.signal ?? context.signal;
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

const scopeOf: Readonly<Record<string, Scope | undefined>> = {
  GetEvent: undefined,
  CreateEvent: 'events:write',
  PublishEvents: 'events:write',
};

function methodsOf(): RpcMethod[] {
  return EventService.methods.map((desc) => ({
    path: `/${EventService.typeName}/${desc.name}`,
    service: EventService,
    desc,
    scope: desc.name in scopeOf ? scopeOf[desc.name] : 'read',
    stream: desc.methodKind !== 'unary',
    rateLimited: true,
  }));
}

/** GET /api/v1/events (read), POST /api/v1/events (events:write, reads its body), GET /api/v1/health (nothing needed). */
function fakeGateway(methods: readonly RpcMethod[]): Gateway {
  const named = (name: string): RpcMethod => {
    const method = methods.find((one) => one.desc.name === name);
    if (method === undefined) throw new Error(name);
    return method;
  };
  const table: Record<string, Record<string, string>> = {
    '/api/v1/events': { GET: 'ListEvents', POST: 'CreateEvent' },
    '/api/v1/health': { GET: 'GetEvent' },
    '/api/v1/events:watch': { GET: 'WatchEvents' },
  };
  return {
    match(httpMethod, path) {
      const row = table[decodeURIComponent(path)];
      if (row === undefined) return { kind: 'none' };
      const name = row[httpMethod === 'HEAD' ? 'GET' : httpMethod];
      if (name === undefined) return { kind: 'method_not_allowed', allow: Object.keys(row) };
      return { kind: 'route', method: named(name), params: {}, route: { httpMethod, template: path } };
    },
    async serve(match, call, req, res) {
      if (match.method.stream) {
        writeHead(res, 200, { 'content-type': 'text/event-stream' });
        write(res, Buffer.from(': hello\n\n'));
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }));
        end(res, 'event: error\ndata: {}\n\n');
        return;
      }
      let bytes = 0;
      if (call.method.desc.name === 'CreateEvent') for await (const chunk of req) bytes += (chunk as Uint8Array).byteLength;
      call.outcome('ok');
      writeHead(res, 200, { 'content-type': 'application/json' });
      end(res, JSON.stringify({ bytes, principal: call.principal.id }));
    },
  };
}

const plain: readonly PlainRoute[] = [
  {
    path: '/metrics',
    scope: 'read',
    rateLimited: false,
    async serve(_req, res) {
      writeHead(res, 200, { 'content-type': 'text/plain' });
      end(res, 'up 1\n');
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
  extra: { flood?: number; handlers?: Partial<ServiceImpl<typeof EventService>> } = {},
): Promise<Door> {
  const dir = await mkdtemp(join(tmpdir(), 'door-'));
  const access = fakeAccess();
  const telemetry = fakeTelemetry();
  const methods = methodsOf();
  const socketPath = join(dir, 'api.sock');
  const door = createFrontDoor({
    ...{ access, telemetry, methods, plain },
    api: apiSettings(over),
    clock: systemClock,
    mount: (router) => router.service(EventService, { ...eventService(extra.flood ?? 0), ...extra.handlers }),
    connectOptions: { interceptors: [errors] },
    gateway: fakeGateway(methods),
    unixSocketPath: socketPath,
  });
  const [base = ''] = await door.start();
  return {
    ...{ door, base, socketPath, access, telemetry },
    port: Number(new URL(base).port),
    async [Symbol.asyncDispose]() {
      await door.stop(100);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
