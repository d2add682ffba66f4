/** REST in front of the same implementations: routes, requests, answers. */
import type { DescMessage, JsonObject, Message } from '@bufbuild/protobuf';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { restText, restValue } from '../convert/json.ts';
import { end, header, isGone, writeHead } from '../exchange.ts';
import { refuse } from '../refusal.ts';
import type { Call, Gateway, HttpRequest, HttpResponse, RestRoute, RpcMethod } from '../seam.ts';
import { fromUnknown } from '../wire-error.ts';
import { streamAnswers, unaryAnswers } from './answers.ts';
import type { BodyLimits } from './body.ts';
import { fieldNamed } from './decode.ts';
import { rawAnswer } from './documents.ts';
import type { Invoker } from './invoke.ts';
import { type Incoming, requestMessage } from './request.ts';
import { createRouter, type Route } from './router.ts';
import { framer, framingOf, streamHeaders, writeStream } from './stream.ts';

export interface GatewayDeps {
  readonly methods: readonly RpcMethod[];
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly limits: () => BodyLimits;
  readonly pingIntervalMs: () => number;
}

interface Exchange {
  readonly route: Route;
  readonly call: Call;
  readonly req: HttpRequest;
  readonly res: HttpResponse;
}

/** Violations by the paths that the caller wrote: where the body is a field, without the field's own name. */
function asWritten(error: AgentError, { body }: Route): AgentError {
  if (body === '' || body === '*' || error.reason !== 'INVALID_REQUEST') return error;
  const prefix = `${body}.`;
  const strip = (field: string): string => (field.startsWith(prefix) ? field.slice(prefix.length) : field);
  return invalid(error.violations.map((violation) => ({ ...violation, field: strip(violation.field) })));
}

/** The answer's text: the message, or the one field of it that the rule names. */
function bodyText(route: Route, message: Message): string {
  const output: DescMessage = route.method.desc.output;
  const field = route.responseBody === '' ? undefined : fieldNamed(output, route.responseBody);
  if (field === undefined) return restText(output, message);
  const value = restValue(output, message);
  const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  return JSON.stringify(object[field.name] ?? null);
}

/** Of a resource that has one: what `If-Match` takes. */
function etagOf(message: Message): string {
  const etag: unknown = Reflect.get(message, 'etag');
  return typeof etag === 'string' && /^[\w.-]+$/.test(etag) ? etag : '';
}

async function serveUnary({ route, call, req, res }: Exchange, message: Message, invoker: Invoker): Promise<void> {
  const answer = await invoker.unary(call, req, message);
  const { status, location } = unaryAnswers[route.method.path] ?? {};
  const raw = rawAnswer(route.method.path, req, answer);
  const body = Buffer.from(raw?.text ?? bodyText(route, answer));
  const etag = etagOf(answer);
  const where = call.rest.location ?? location?.(answer);
  if (isGone(res)) return;
  writeHead(res, call.rest.status ?? status?.(answer) ?? 200, {
    'content-type': raw?.type ?? 'application/json',
    'content-length': body.byteLength,
    ...(etag !== '' && { etag: `"${etag}"` }),
    'cache-control': 'no-store',
    ...(where !== undefined && { location: where }),
  });
  end(res, req.method === 'HEAD' ? undefined : body);
}

/** What `Last-Event-ID` says, as a field of the request. */
function resumed({ route, req }: Exchange): JsonObject {
  const field = streamAnswers[route.method.path]?.resumeField;
  const cursor = header(req, 'last-event-id') ?? '';
  return field === undefined || cursor === '' ? {} : { [field]: cursor };
}

async function serveStream(exchange: Exchange, message: Message, deps: GatewayDeps): Promise<void> {
  const { route, call, req, res } = exchange;
  const frames = framer(framingOf(req), call, streamAnswers[route.method.path] ?? { kinds: [] });
  if (req.method === 'HEAD') {
    call.outcome('ok');
    writeHead(res, 200, { ...streamHeaders, 'content-type': frames.contentType });
    end(res);
    return;
  }
  const messages = deps.invoker.stream(call, req, message)[Symbol.asyncIterator]();
  // The implementations say something at once: what is wrong from the start is still an HTTP error.
  const first = await messages.next();
  await writeStream(first, messages, { call, res, frames, clock: deps.clock, pingIntervalMs: deps.pingIntervalMs() });
}

async function fail({ route, call, req, res }: Exchange, thrown: unknown): Promise<void> {
  const error = asWritten(fromUnknown(thrown), route);
  call.outcome(error.code, thrown);
  if (res.headersSent) res.destroy();
  else await refuse(req, res, { shape: 'rest', error });
}

/** Throws for duplicate or malformed routes. */
export function createGateway(deps: GatewayDeps): Gateway {
  const router = createRouter(deps.methods);
  const known = new Map<RestRoute, Route>(router.routes.map((route) => [route, route]));
  return {
    match: router.match,
    async serve({ route: matched, params }, call, req, res) {
      const route = known.get(matched);
      if (route === undefined) {
        await refuse(req, res, { shape: 'rest', error: new AgentError('ROUTE_NOT_FOUND', 'there is no such route') });
        return;
      }
      const exchange = { route, call, req, res };
      try {
        res.setHeader('x-trace-id', call.span.traceId);
        const incoming: Incoming = { req, route, params, limits: deps.limits() };
        const message = await requestMessage(incoming, resumed(exchange));
        if (route.method.stream) await serveStream(exchange, message, deps);
        else await serveUnary(exchange, message, deps.invoker);
      } catch (error) {
        await fail(exchange, error);
      }
    },
  };
}
