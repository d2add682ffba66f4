/**
 * Connect's own router and handlers over our exchanges: gRPC-Web, Connect, and what is rare of gRPC. The services in the router are
 * the compiled methods, so that nothing differs but the protocol.
 */
import type { DescMessage, DescMethod, Message } from '@bufbuild/protobuf';
import {
  ConnectError,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { AgentError } from '../../kernel/errors.ts';
import { toMessage } from '../codec/binary.ts';
import { grpcCode } from '../errors/codes.ts';
import { type Answered, type Call, callKey, type ServedMethod } from '../seam.ts';
import { dropBody, dropRest } from '../transports/body.ts';
import { type Exchange, writeAll } from '../transports/exchange.ts';
import { nodeHeaders, webHeaders } from '../transports/web-headers.ts';
import { toConnectError } from './connect-error.ts';
import { mapChunks, withDetails } from './connect-faults.ts';
import { type ConnectJsonLimits, connectJson } from './connect-json.ts';
import { gzip } from './gzip.ts';

/** What lies around the bytes that Connect's handlers know: they are served what it decodes, and what they answer is encoded. */
export interface BodyCoding {
  /** The content type that the handlers are told. */
  request(contentType: string): string;
  decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
  /** The content type that the client is told. */
  response(contentType: string): string;
  encode(chunk: Uint8Array): Uint8Array;
}

export interface ConnectHandlers {
  /** Rejects on a fault of ours, or when the client leaves. */
  serve(call: Call, exchange: Exchange, coding?: BodyCoding): Promise<void>;
}

interface ConnectHandlersOptions {
  /** Options of Connect's handlers, over ours. */
  readonly connect: ConnectRouterOptions;
  readonly jsonLimits: () => ConnectJsonLimits;
  /** False leaves errors as services and Connect make them. */
  readonly details: boolean;
}

const defaults: ConnectRouterOptions = {
  // No brotli unless asked for: 405 bytes of it inflate to 256 MiB.
  acceptCompression: [gzip],
  // Answers are not compressed: grpcio asks for it by default, and a deflate per watcher and batch costs 270 KB and most of
  // the time, to save bytes on a loopback.
  compressMinBytes: 0xffffffff,
};

/** Without details; what services throw as errors of Connect stays as it is. */
function bareError(error: unknown): unknown {
  return error instanceof AgentError ? new ConnectError(error.message, grpcCode(error.code)) : error;
}

interface Wording {
  readonly output: DescMessage;
  /** Throws the error as one that Connect can write. */
  readonly rethrow: (error: unknown) => never;
}

/** The same in messages and errors that Connect can write. */
function connectStream(answers: AsyncIterable<Answered>, { output, rethrow }: Wording): AsyncIterableIterator<Message> {
  const inner = answers[Symbol.asyncIterator]();
  const worded = ({ done, value }: IteratorResult<Answered>): IteratorResult<Message> =>
    done === true ? { done, value: undefined } : { done: false, value: toMessage(output, value) };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => inner.next().then(worded, rethrow),
    async return() {
      await inner.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** A compiled method as Connect's router takes it. */
function implementation({ run, desc: { output } }: ServedMethod, asError: (error: unknown) => unknown): MethodImpl<DescMethod> {
  const wording: Wording = {
    output,
    rethrow(error) {
      throw asError(error);
    },
  };
  const way = (): unknown => {
    switch (run.kind) {
      case 'unary':
        return (message: Message, context: HandlerContext) =>
          run.unary(message, context).then((answer) => toMessage(output, answer), wording.rethrow);
      case 'server_streaming':
        return (message: Message, context: HandlerContext) => connectStream(run.stream(message, context), wording);
      case 'client_streaming':
        return async (messages: AsyncIterable<Message>, context: HandlerContext) =>
          (await connectStream(run.many(messages, context), wording).next()).value;
      case 'bidi_streaming':
        return (messages: AsyncIterable<Message>, context: HandlerContext) => connectStream(run.many(messages, context), wording);
    }
  };
  return way() as MethodImpl<DescMethod>;
}

export function createConnectHandlers(options: ConnectHandlersOptions): ConnectHandlers {
  const asError = options.details ? toConnectError : bareError;
  const handlers = new Map<ServedMethod, UniversalHandler>();
  // Each when it is first called: all at once would hold up the first call of any of them, and others beside it.
  const handlerOf = (method: ServedMethod): UniversalHandler => {
    const known = handlers.get(method);
    if (known !== undefined) return known;
    const router = createConnectRouter({ ...defaults, ...options.connect });
    const jsonOptions = { ...connectJson(method.desc.input, options.jsonLimits), ...options.connect.jsonOptions };
    router.rpc(method.desc, implementation(method, asError), { jsonOptions });
    const [handler] = router.handlers;
    if (handler === undefined) throw new Error(`Connect's router made no handler of ${method.path}`);
    handlers.set(method, handler);
    return handler;
  };
  return {
    async serve(call, exchange, coding) {
      const plain = universalRequest(call, exchange);
      const answer = await handlerOf(call.method)(coding === undefined ? plain : decoded(plain, coding));
      const detailed = options.details ? await withDetails(answer, call) : answer;
      await writeAnswer(call, exchange, coding === undefined ? detailed : encoded(detailed, coding));
    },
  };
}

function universalRequest(call: Call, exchange: Exchange): UniversalServerRequest {
  const query = exchange.target.indexOf('?');
  return {
    httpVersion: exchange.http2 ? '2.0' : '1.1',
    method: exchange.method,
    // The authority was judged by the gate; a unix socket's may be anything.
    url: `http://localhost${call.method.path}${query < 0 ? '' : exchange.target.slice(query)}`,
    header: webHeaders(exchange.headers),
    body: bodyOf(exchange),
    signal: call.signal,
    contextValues: createContextValues().set(callKey, call),
  };
}

const contentType = 'content-type';

function decoded(request: UniversalServerRequest, coding: BodyCoding): UniversalServerRequest {
  const header = new Headers(request.header);
  header.set(contentType, coding.request(header.get(contentType) ?? ''));
  return { ...request, header, body: coding.decode(request.body as AsyncIterable<Uint8Array>) };
}

function encoded(answer: UniversalServerResponse, coding: BodyCoding): UniversalServerResponse {
  const header = new Headers(answer.header);
  header.set(contentType, coding.response(header.get(contentType) ?? ''));
  const body = answer.body === undefined ? undefined : mapChunks(answer.body, (chunk) => coding.encode(chunk));
  return { ...answer, header, ...(body !== undefined && { body }) };
}

async function* bodyOf({ body }: Exchange): AsyncGenerator<Uint8Array> {
  // A reader that stops early must not destroy the request: the answer would go with it.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk;
}

async function writeAnswer(call: Call, exchange: Exchange, answer: UniversalServerResponse): Promise<void> {
  const body = answer.body?.[Symbol.asyncIterator]();
  call.onStop(({ reason }) => void (reason === 'CANCELED' && body?.return?.()));
  try {
    // Headers go after the first message: the implementation may still set some.
    let chunk = await body?.next();
    const early = !exchange.http2 && !exchange.arrived();
    exchange.respond(answer.status, { ...nodeHeaders(answer.header), ...(early && { connection: 'close' }) });
    for (; body !== undefined && chunk !== undefined && chunk.done !== true && !exchange.closed; chunk = await body.next()) {
      await writeAll(exchange, chunk.value);
    }
    if (early) await dropBody(exchange);
    exchange.end(undefined, answer.trailer === undefined ? undefined : nodeHeaders(answer.trailer));
    await dropRest(exchange);
  } finally {
    await body?.return?.()?.catch(() => {});
  }
}
