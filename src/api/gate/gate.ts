import type { OutgoingHttpHeaders } from 'node:http';
import type { Access } from '../../access/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Settings } from '../../settings/types.ts';
import type { CallSpan, Counter, Telemetry } from '../../telemetry/types.ts';
import { end, header, isHttp2, whenClosed, writeHead } from '../exchange.ts';
import { refuse, type Shape } from '../refusal.ts';
import type { Call, Gateway, HttpRequest, HttpResponse, PlainRoute, Protocol, RestMatch, RpcMethod } from '../seam.ts';
import { fromUnknown } from '../wire-error.ts';
import { authorityAllowed, type Target, targetOf } from './authority.ts';
import type { Capacity } from './capacity.ts';
import type { OpenCalls } from './open-calls.ts';
import { judgeOrigin, preflightHeaders } from './origin.ts';
import type { RateLimiter } from './rate-limit.ts';
import { type Route, type Routes, routeOf } from './route.ts';
import { judgeCaller } from './token.ts';
import { traceIdOf } from './trace-id.ts';

/** What the gate needs of the rest; functions are read anew at every request, so that a reload takes effect. */
export interface GateOptions {
  readonly api: () => Settings['api'];
  readonly access: Access;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly routes: Routes;
  readonly gateway: Gateway;
  readonly capacity: Capacity;
  readonly calls: OpenCalls;
  readonly limiter: () => RateLimiter;
  readonly counters: { readonly denied: Counter; readonly rateLimited: Counter; readonly limitRefused: Counter };
  readonly stopping: () => boolean;
  /** Serves an RPC with Connect's handlers. */
  readonly serveRpc: (call: Call, req: HttpRequest, res: HttpResponse) => Promise<void>;
}

interface Visit {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly local: boolean;
  readonly target: Target;
}

type Served = Exclude<Route, { kind: 'none' }>;

/**
 * Judges a request before a byte of its body is read, and hands it on: authority, route, origin, token, scope, rate,
 * capacity, announced size, in this order. Never throws.
 */
export function createGate(options: GateOptions): (req: HttpRequest, res: HttpResponse, local: boolean) => Promise<void> {
  return async (req, res, local) => {
    try {
      await visit(options, req, res, local);
    } catch (error) {
      options.telemetry.logger.error({ err: error }, 'a request failed at the gate');
      await refuse(req, res, { shape: 'rest', error: fromUnknown(error) });
    }
  };
}

async function visit(options: GateOptions, req: HttpRequest, res: HttpResponse, local: boolean): Promise<void> {
  req.on('error', () => {});
  res.on('error', () => {});
  res.setHeader('x-trace-id', traceIdOf(header(req, 'traceparent')));
  const target = targetOf(req);
  const api = options.api();
  const allowed = target.authorities.length > 0 && target.authorities.every((name) => authorityAllowed(name, api.allowedHosts));
  if (!local && !allowed) {
    const message = 'this name is not one of the agent: call by localhost or 127.0.0.1, or list it in api.allowed_hosts';
    return refuse(req, res, { shape: 'rest', error: new AgentError('HOST_NOT_ALLOWED', message) });
  }
  const own = target.authorities.map((name) => `${isEncrypted(req) ? 'https' : 'http'}://${name}`);
  const origin = judgeOrigin(req, api.security.cors, own);
  for (const [name, value] of Object.entries(origin.headers)) if (value !== undefined) res.setHeader(name, value);
  if (req.method === 'OPTIONS' && origin.ok) return preflight(req, res);
  const route = routeOf(req, target, options.routes);
  if (route.kind === 'none' && req.method !== 'OPTIONS') {
    if (route.allow !== undefined) res.setHeader('allow', allowOf(route.allow));
    return refuse(req, res, route);
  }
  if (!origin.ok) return refuse(req, res, { shape: 'rest', error: origin.error });
  // Read anew by handlers: an absolute-form target is theirs as origin form.
  req.url = target.url;
  if (route.kind !== 'none') await admit(options, { req, res, local, target }, route);
}

function isEncrypted(req: HttpRequest): boolean {
  return 'encrypted' in req.socket && req.socket.encrypted === true;
}

function allowOf(methods: readonly string[]): string {
  const all = methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods;
  return [...all, 'OPTIONS'].join(', ');
}

async function preflight(req: HttpRequest, res: HttpResponse): Promise<void> {
  const asks = header(req, 'origin') !== undefined;
  const headers: OutgoingHttpHeaders = asks
    ? preflightHeaders()
    : { allow: 'GET, HEAD, POST, PUT, DELETE, OPTIONS', 'content-length': '0' };
  if (!isHttp2(req)) req.resume();
  writeHead(res, 204, isHttp2(req) ? headers : withoutLength(headers));
  end(res);
}

/** A 204 has no length on HTTP/1.1. */
function withoutLength({ 'content-length': _, ...rest }: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return rest;
}

const systems: Readonly<Record<Protocol, string>> = { grpc: 'grpc', grpc_web: 'grpc_web', connect: 'connect_rpc', rest: 'rest' };

function startSpan(options: GateOptions, visit: Visit, route: Served): CallSpan | undefined {
  if (route.kind === 'plain') return undefined;
  const { method } = route;
  const system = systems[route.kind === 'rpc' ? route.protocol : 'rest'];
  const span = options.telemetry.startCall({
    service: method.service.typeName,
    method: method.desc.name,
    system,
    headers: visit.req.headers,
  });
  visit.res.setHeader('x-trace-id', span.traceId);
  return span;
}

async function admit(options: GateOptions, visit: Visit, route: Served): Promise<void> {
  const span = startSpan(options, visit, route);
  const api = options.api();
  const scope = route.kind === 'plain' ? route.route.scope : route.method.scope;
  const { principal, error } = judgeCaller(visit.req, scope, {
    local: visit.local,
    authEnabled: api.security.authEnabled,
    access: options.access,
  });
  if (error !== undefined) options.counters.denied.add(1, { reason: error.reason.toLowerCase() });
  // The rate goes first: guesses at tokens are calls of their peer's address.
  const refusal = overRate(options, visit, { route, principal }) ?? error ?? closing(options) ?? tooLarge(options, visit, route);
  const method = route.kind === 'plain' ? undefined : route.method;
  const place = refusal ?? options.capacity.take(method, api);
  if (place instanceof AgentError) {
    await turnAway(options, visit, { route, principal, span, error: place });
    return;
  }
  whenClosed(visit.req, visit.res, place);
  if (!isHttp2(visit.req) && visit.req.headers.expect !== undefined && 'writeContinue' in visit.res) visit.res.writeContinue();
  if (route.kind === 'plain') await servePlain(options, visit, route.route);
  else if (span !== undefined) await serveCall(options, visit, { route, principal, span });
}

function closing(options: GateOptions): AgentError | undefined {
  return options.stopping() ? new AgentError('SHUTTING_DOWN', 'the agent is stopping') : undefined;
}

function overRate(options: GateOptions, visit: Visit, caller: { route: Served; principal: Principal }): AgentError | undefined {
  const limited = caller.route.kind === 'plain' ? caller.route.route.rateLimited : caller.route.method.rateLimited;
  if (visit.local || !limited) return undefined;
  const known = caller.principal.scopes.size > 0 && options.api().security.authEnabled;
  const key = known ? `token ${caller.principal.id}` : `peer ${visit.req.socket.remoteAddress ?? ''}`;
  const waitMs = options.limiter().take(key);
  if (waitMs === 0) return undefined;
  options.counters.rateLimited.add(1);
  return new AgentError('RATE_LIMITED', `too many requests: wait ${Math.ceil(waitMs / 1000)} s`, { retryAfterMs: waitMs });
}

/** Envelope of gRPC, gRPC-Web and Connect's streams. */
const envelopeBytes = 5;

function tooLarge(options: GateOptions, visit: Visit, route: Served): AgentError | undefined {
  const limit = options.api().limits.messageBytes;
  const kind = route.kind === 'plain' ? 'unary' : route.method.desc.methodKind;
  // A stream of messages may be longer than one message.
  if (route.kind === 'rpc' && (kind === 'client_streaming' || kind === 'bidi_streaming')) return undefined;
  const bytes = Number(header(visit.req, 'content-length') ?? 0);
  const extra = route.kind === 'rpc' && route.shape !== 'connect_unary' ? envelopeBytes : 0;
  if (bytes <= limit + extra) return undefined;
  options.counters.limitRefused.add(1, { limit: 'message_bytes' });
  const message = `a message of ${bytes} bytes is larger than api.limits.message_bytes (${limit})`;
  return new AgentError('MESSAGE_TOO_LARGE', message, { metadata: { limit: String(limit) } });
}

interface Refused {
  readonly route: Served;
  readonly principal: Principal;
  readonly span: CallSpan | undefined;
  readonly error: AgentError;
}

async function turnAway(options: GateOptions, visit: Visit, refused: Refused): Promise<void> {
  const { route, principal, span, error } = refused;
  await refuse(visit.req, visit.res, { shape: shapeOfRoute(route), error });
  span?.end(error.code, error);
  const method = route.kind === 'plain' ? route.route.path : route.method.path;
  const log = (): void => options.telemetry.logger.debug({ method, reason: error.reason, principal: principal.id }, 'call refused');
  if (span === undefined) log();
  else options.telemetry.run(span, log);
}

function shapeOfRoute(route: Served): Shape {
  return route.kind === 'rpc' ? route.shape : 'rest';
}

async function servePlain(options: GateOptions, visit: Visit, route: PlainRoute): Promise<void> {
  try {
    await route.serve(visit.req, visit.res);
  } catch (error) {
    options.telemetry.logger.error({ err: error, path: route.path }, 'a plain route failed');
    await refuse(visit.req, visit.res, { shape: 'rest', error: fromUnknown(error) });
  }
}

interface Admitted {
  readonly route: Exclude<Served, { kind: 'plain' }>;
  readonly principal: Principal;
  readonly span: CallSpan;
}

async function serveCall(options: GateOptions, visit: Visit, admitted: Admitted): Promise<void> {
  const { route, principal, span } = admitted;
  const { req, res, local } = visit;
  const method: RpcMethod = route.method;
  const protocol: Protocol = route.kind === 'rpc' ? route.protocol : 'rest';
  const shape = shapeOfRoute(route);
  const call = options.calls.open({ protocol, method, principal, span, local, req, res, clock: options.clock }, shape);
  await options.telemetry.run(span, async () => {
    try {
      await (route.kind === 'rpc'
        ? options.serveRpc(call, req, res)
        : options.gateway.serve(route.match as RestMatch & { kind: 'route' }, call, req, res));
    } catch (error) {
      await options.calls.failed(call, shape, error);
    }
  });
}
