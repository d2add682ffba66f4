/**
 * Judges every request before a byte of its body is read, and hands it on. Invariants: the order of the checks is the one of `checks.ts`;
 * nothing is served that did not pass it; every answer carries x-trace-id.
 */
import type { AgentError } from '../../kernel/errors.ts';
import type { CallSpan } from '../../telemetry/types.ts';
import { auditName, failure, viaOf } from '../audit-entry.ts';
import { fromUnknown } from '../errors/known.ts';
import type { Protocol } from '../seam.ts';
import { type Exchange, header } from '../transports/exchange.ts';
import { allowOf, checks, type GateOptions, refusalBy, Visit } from './checks.ts';
import { peerOf } from './open-call.ts';
import { preflightHeaders } from './origin.ts';
import type { Route } from './route.ts';
import { traceIdOf } from './trace-id.ts';

/** Never throws. */
export function createGate(options: GateOptions): (exchange: Exchange, local: boolean) => void {
  const { rest } = options.routes.protocols;
  return (exchange, local) => {
    try {
      visited(new Visit(exchange, local, options));
    } catch (error) {
      options.telemetry.logger.error({ err: error }, 'a request failed at the gate');
      void rest.refuse(exchange, fromUnknown(error));
    }
  };
}

function visited(visit: Visit): void {
  const { exchange, origin, route } = visit;
  const { rest } = visit.options.routes.protocols;
  const nameless = refusalBy(checks.arriving, visit);
  if (nameless !== undefined) {
    refuse(visit, rest, nameless);
    return;
  }
  Object.assign(exchange.common, origin.headers);
  if (exchange.method === 'OPTIONS' && origin.ok) {
    preflight(visit);
    return;
  }
  const misplaced = refusalBy(checks.placed, visit);
  if (misplaced !== undefined) refuse(visit, route.kind === 'none' && misplaced === route.error ? route.protocol : rest, misplaced);
  else if (route.kind === 'plain') void servePlain(visit, route);
  else if (route.kind === 'call') serveCall(visit, route);
}

function refuse({ exchange }: Visit, protocol: Protocol, error: AgentError): void {
  exchange.common['x-trace-id'] ??= traceIdOf(header(exchange, 'traceparent'));
  void protocol.refuse(exchange, error);
}

function preflight({ exchange, route }: Visit): void {
  exchange.common['x-trace-id'] = traceIdOf(header(exchange, 'traceparent'));
  const asks = header(exchange, 'origin') !== undefined;
  exchange.body.resume();
  const allow = route.kind === 'none' && route.allow !== undefined ? allowOf(route.allow) : 'OPTIONS';
  exchange.answer(204, asks ? preflightHeaders() : { allow });
}

/** What was refused before anybody served it: for want of a right whatever it was, for another reason where it would have changed something. */
function recordRefused(visit: Visit, error: AgentError, traceId: string): void {
  const { exchange, local, options, principal, route, denied } = visit;
  if (route.kind === 'none' || (denied !== error && !(route.kind === 'call' && route.method.audit.kind === 'changes'))) return;
  const method = route.kind === 'call' ? auditName(route.method) : `${exchange.method} ${route.route.path}`;
  const via = viaOf(exchange, local, route.protocol.name);
  const peer = peerOf(exchange, local);
  const call = { timeMs: options.clock.wallMs(), principal: principal.id, via, peer, method, target: '', traceId, changes: [] };
  options.audit?.refused(call, failure(error));
}

function logRefused({ options, principal }: Visit, method: string, error: AgentError): void {
  options.telemetry.logger.debug({ method, reason: error.reason, principal: principal.id }, 'call refused');
}

async function servePlain(visit: Visit, { route, protocol }: Route & { kind: 'plain' }): Promise<void> {
  const { exchange, options } = visit;
  exchange.common['x-trace-id'] = traceIdOf(header(exchange, 'traceparent'));
  const refusal = refusalBy(checks.called, visit);
  if (refusal !== undefined) {
    logRefused(visit, route.path, refusal);
    recordRefused(visit, refusal, exchange.common['x-trace-id'] ?? '');
    return protocol.refuse(exchange, refusal);
  }
  try {
    if (exchange.headers.expect !== undefined) exchange.proceed();
    await route.serve(exchange);
    exchange.body.resume();
  } catch (error) {
    options.telemetry.logger.error({ err: error, path: route.path }, 'a plain route failed');
    await protocol.refuse(exchange, fromUnknown(error));
  } finally {
    visit.release();
  }
}

function startSpan({ exchange, options }: Visit, { method, protocol }: Route & { kind: 'call' }): CallSpan {
  const { service, desc } = method;
  const span = options.telemetry.startCall({
    service: service.typeName,
    method: desc.name,
    system: protocol.name,
    headers: exchange.headers,
    background: !method.rateLimited,
    reads: method.audit.kind === 'reads',
    stream: method.stream,
  });
  exchange.common['x-trace-id'] = span.traceId;
  return span;
}

function serveCall(visit: Visit, route: Route & { kind: 'call' }): void {
  const { exchange, local, options } = visit;
  const { method, protocol, match } = route;
  const { telemetry } = options;
  const span = startSpan(visit, route);
  const refusal = refusalBy(checks.called, visit);
  if (refusal !== undefined) {
    span.end(refusal.code, refusal);
    recordRefused(visit, refusal, span.traceId);
    if (telemetry.logs('debug')) telemetry.run(span, () => logRefused(visit, method.path, refusal));
    void protocol.refuse(exchange, refusal);
    return;
  }
  if (exchange.headers.expect !== undefined) exchange.proceed();
  const { principal, release } = visit;
  const call = options.calls.open({ exchange, protocol, method, principal, span, local, release });
  const handled = (): void => call.handled();
  telemetry
    .run(span, () => protocol.serve(call, exchange, match))
    .then(handled, (error: unknown) => call.failed(error).then(handled, handled));
}
