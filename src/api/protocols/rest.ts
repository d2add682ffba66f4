/** REST: HTTP and JSON by the `google.api.http` rules of the protos, over the same dispatch as everything else. */
import type { DescField, Message } from '@bufbuild/protobuf';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { jsonWriter } from '../codec/json.ts';
import { CallContext } from '../dispatch/context.ts';
import { errorHeaders, httpStatusOf } from '../errors/codes.ts';
import { fromUnknown } from '../errors/known.ts';
import type { Answered, Call, RestMatch, ServedMethod, ServingProtocol, StreamRun } from '../seam.ts';
import { answerEarly, dropRest } from '../transports/body.ts';
import { type Exchange, type Head, header } from '../transports/exchange.ts';
import { preferred } from '../transports/weights.ts';
import { type StreamAnswer, streamAnswers, type UnaryAnswer, unaryAnswers } from './rest/answers.ts';
import { fieldNamed } from './rest/decode.ts';
import { toRestBody } from './rest/error.ts';
import { bareMessage, type RestLimits, requestMessage } from './rest/request.ts';
import type { Route } from './rest/route.ts';
import { createRouter } from './rest/router.ts';
import { type Framer, framers, streamHeaders } from './rest/stream.ts';
import { writeStream } from './write-stream.ts';

export interface RestProtocol extends ServingProtocol {
  /** HEAD is matched as GET. Paths come without query, still percent-encoded. */
  match(httpMethod: string, path: string): RestMatch;
}

/** A route with what is special about its answers. */
interface Served {
  readonly route: Route;
  readonly unary: UnaryAnswer;
  /** Makes the text of an answer. */
  readonly text: (message: Answered) => string;
  readonly framer: (exchange: Exchange) => Framer;
  /** The request's field that `Last-Event-ID` stands for. */
  readonly resume: DescField | undefined;
}

function served(route: Route): Served {
  const { path, desc } = route.method;
  const stream: StreamAnswer = streamAnswers[path] ?? { kinds: [] };
  const resume = stream.resumeField === undefined ? undefined : fieldNamed(desc.input, stream.resumeField);
  return { route, unary: unaryAnswers[path] ?? {}, text: jsonWriter(desc.output), framer: framers(desc.output, stream), resume };
}

/** Violations by the paths that the caller wrote: where the body is a field, without the field's own name. */
function asWritten(error: AgentError, route: Route | undefined): AgentError {
  const body = route?.body ?? 'none';
  if (typeof body === 'string' || error.reason !== 'INVALID_REQUEST') return error;
  const prefix = `${body.name}.`;
  const strip = (field: string): string => (field.startsWith(prefix) ? field.slice(prefix.length) : field);
  return invalid(error.violations.map((violation) => ({ ...violation, field: strip(violation.field) })));
}

/** The text that was asked for instead of JSON, and its type; undefined where JSON is as good. */
function documentText({ document }: UnaryAnswer, exchange: Exchange, message: Answered): { type: string; text: string } | undefined {
  if (document === undefined) return undefined;
  const forms = new Map([['application/json', 'json'], ...document.types.map((type) => [type, 'document'] as const)]);
  if (preferred(header(exchange, 'accept'), forms) !== 'document') return undefined;
  const [type = 'text/plain'] = document.types;
  return { type: type === 'text/plain' ? `${type}; charset=utf-8` : type, text: document.text(message) };
}

/** Of a resource that has one: what `If-Match` takes. */
function etagOf(message: Answered): string | undefined {
  const etag: unknown = Reflect.get(message, 'etag');
  return typeof etag === 'string' && /^[\w.-]+$/.test(etag) ? `"${etag}"` : undefined;
}

function answerUnary(call: Call, exchange: Exchange, { unary, text }: Served, message: Answered): void {
  if (call.reason !== undefined) throw call.reason;
  const document = documentText(unary, exchange, message);
  const etag = etagOf(message);
  const location = call.rest.location ?? unary.location?.(message);
  const headers: Head = { 'content-type': document?.type ?? 'application/json', 'cache-control': 'no-store' };
  if (etag !== undefined) headers['etag'] = etag;
  if (location !== undefined) headers['location'] = location;
  exchange.answer(call.rest.status ?? unary.status?.(message) ?? 200, headers, document?.text ?? text(message));
}

async function answerStream(context: CallContext, one: Served, run: StreamRun, input: Message): Promise<void> {
  const { call, exchange } = context;
  const frames = one.framer(exchange);
  const headers = { ...streamHeaders, 'content-type': frames.contentType };
  if (exchange.method === 'HEAD') {
    call.outcome('ok');
    exchange.respondEmpty(200, headers);
    return;
  }
  const begin = (): void => {
    exchange.respond(200, headers);
    if (frames.ping !== undefined) call.heartbeat(frames.ping);
  };
  try {
    await writeStream(context, run(input, context), { codec: frames, begin });
  } catch (error) {
    // What is wrong from the start is still an HTTP error.
    if (!exchange.responded) throw error;
    call.outcome(fromUnknown(error).code, error);
    exchange.write(frames.error(fromUnknown(error)));
  }
  exchange.end();
}

/** What `Last-Event-ID` says, as a field of the request; `check` refuses one that is no cursor, by the header's own name. */
function resumed({ resume }: Served, exchange: Exchange): { field: DescField; value: string } | undefined {
  const value = header(exchange, 'last-event-id') ?? '';
  if (resume === undefined || value === '') return undefined;
  if (/^\d{1,19}$/.test(value)) return { field: resume, value };
  const shown = JSON.stringify(value.slice(0, 100));
  throw invalid([
    { field: 'Last-Event-ID', message: `must be the id of a frame of this stream, a whole number, not ${shown}`, rule: 'header' },
  ]);
}

function refuse(exchange: Exchange, error: AgentError): Promise<void> {
  const headers = { 'content-type': 'application/json', ...errorHeaders(error) };
  return answerEarly(exchange, { status: httpStatusOf(error), headers, body: JSON.stringify(toRestBody(error)) });
}

/** Throws for duplicate or malformed routes. */
export function createRest(methods: readonly ServedMethod[], limits: () => RestLimits): RestProtocol {
  const router = createRouter(methods);
  const known = new Map<object, Served>(router.routes.map((route) => [route, served(route)]));
  const run = async (call: Call, exchange: Exchange, match: RestMatch & { kind: 'route' }): Promise<void> => {
    const one = known.get(match.route);
    if (one === undefined) throw new AgentError('ROUTE_NOT_FOUND', 'there is no such route');
    try {
      const extra = resumed(one, exchange);
      const incoming = { exchange, route: one.route, params: match.params, limits: limits() };
      const input = bareMessage(incoming, extra) ?? (await requestMessage(incoming, extra));
      const context = new CallContext(call, exchange);
      const { run: way } = call.method;
      if (way.kind === 'unary') answerUnary(call, exchange, one, await way.unary(input, context));
      else if (way.kind === 'server_streaming') await answerStream(context, one, way.stream, input);
      else throw new AgentError('RPC_UNIMPLEMENTED', `${call.method.path} cannot be called by REST`);
      const dropping = dropRest(exchange);
      if (dropping !== undefined) await dropping;
    } catch (thrown) {
      const error = asWritten(fromUnknown(thrown), one.route);
      call.outcome(error.code, thrown);
      if (exchange.responded) exchange.reset('cancel');
      else await refuse(exchange, error);
    }
  };
  return {
    name: 'rest',
    bodyBytes: (messageBytes) => messageBytes,
    mediaTypes: [],
    match: router.match,
    serve: (call, exchange, match) =>
      match?.kind === 'route' ? run(call, exchange, match) : Promise.reject(new AgentError('ROUTE_NOT_FOUND', 'there is no such route')),
    refuse,
  };
}
