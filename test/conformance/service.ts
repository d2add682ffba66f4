/** The suite's service: it answers as each request says it should. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { type Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import {
  type BidiStreamRequest,
  BidiStreamRequestSchema,
  BidiStreamResponseSchema,
  type ClientStreamRequest,
  ClientStreamRequestSchema,
  ClientStreamResponseSchema,
  ConformancePayload_RequestInfoSchema,
  type ConformancePayloadSchema,
  type ConformanceService,
  type Error as ErrorDefinition,
  type Header,
  type IdempotentUnaryRequest,
  IdempotentUnaryRequestSchema,
  IdempotentUnaryResponseSchema,
  ServerStreamRequestSchema,
  ServerStreamResponseSchema,
  type StreamResponseDefinition,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
  UnaryResponseSchema,
} from './gen/service_pb.js';

type Payload = MessageInitShape<typeof ConformancePayloadSchema>;
type Info = MessageInitShape<typeof ConformancePayload_RequestInfoSchema>;

function requestInfo(context: HandlerContext, requests: Any[]): Info {
  const timeoutMs = context.timeoutMs();
  const params = [...new URL(context.url).searchParams].map(([name, value]) => ({ name, value: [value] }));
  return {
    requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: [value] })),
    requests,
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    ...(context.requestMethod === 'GET' ? { connectGetInfo: { queryParams: params } } : {}),
  };
}

function append(target: Headers, headers: readonly Header[]): void {
  for (const { name, value } of headers) for (const one of value) target.append(name, one);
}

function announce(context: HandlerContext, definition: UnaryResponseDefinition | StreamResponseDefinition): void {
  append(context.responseHeader, definition.responseHeaders);
  append(context.responseTrailer, definition.responseTrailers);
}

/** With what was asked as one more detail, where no response has told it. */
function errorOf(definition: ErrorDefinition, info: Info | undefined): ConnectError {
  const error = new ConnectError(definition.message ?? '', definition.code as number as Code);
  const packed =
    info === undefined ? [] : [anyPack(ConformancePayload_RequestInfoSchema, create(ConformancePayload_RequestInfoSchema, info))];
  error.details = [...definition.details, ...packed].map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }));
  return error;
}

/** Waits, but not for a client that is gone or whose deadline passed. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function unaryPayload(context: HandlerContext, definition: UnaryResponseDefinition | undefined, requests: Any[]): Promise<Payload> {
  const info = requestInfo(context, requests);
  if (definition === undefined) return { requestInfo: info };
  announce(context, definition);
  if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs, context.signal);
  if (definition.response.case === 'error') throw errorOf(definition.response.value, info);
  return definition.response.case === 'responseData' ? { requestInfo: info, data: definition.response.value } : { requestInfo: info };
}

/** Headers leave with the first message, which in a stream with a delay is the right moment too. */
async function* rest(
  context: HandlerContext,
  definition: StreamResponseDefinition,
  from: { sent: number; requests: Any[] },
): AsyncGenerator<Payload> {
  let { sent } = from;
  for (; sent < definition.responseData.length; sent += 1) {
    const data = definition.responseData[sent] ?? new Uint8Array();
    if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs, context.signal);
    yield sent === 0 ? { data, requestInfo: requestInfo(context, from.requests) } : { data };
  }
  if (definition.error !== undefined) throw errorOf(definition.error, sent === 0 ? requestInfo(context, from.requests) : undefined);
}

async function* bidi(messages: AsyncIterable<BidiStreamRequest>, context: HandlerContext): AsyncGenerator<Payload> {
  let definition: StreamResponseDefinition | undefined;
  let fullDuplex = false;
  let first = true;
  let sent = 0;
  let requests: Any[] = [];
  for await (const message of messages) {
    requests.push(anyPack(BidiStreamRequestSchema, message));
    if (first) {
      definition = message.responseDefinition;
      fullDuplex = message.fullDuplex;
      if (definition !== undefined) announce(context, definition);
    }
    first = false;
    if (!fullDuplex || definition === undefined) continue;
    const data = definition.responseData[sent];
    if (data === undefined) break;
    if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs, context.signal);
    yield { data, requestInfo: sent === 0 ? requestInfo(context, requests) : { requests } };
    sent += 1;
    requests = [];
  }
  if (definition !== undefined) yield* rest(context, definition, { sent, requests });
}

async function collect(
  messages: AsyncIterable<ClientStreamRequest>,
): Promise<{ definition: UnaryResponseDefinition | undefined; requests: Any[] }> {
  let definition: UnaryResponseDefinition | undefined;
  const requests: Any[] = [];
  for await (const message of messages) {
    if (requests.length === 0) definition = message.responseDefinition;
    requests.push(anyPack(ClientStreamRequestSchema, message));
  }
  return { definition, requests };
}

/** `unimplemented` is left out on purpose. */
export const conformanceService: Partial<ServiceImpl<typeof ConformanceService>> = {
  async unary(request: UnaryRequest, context) {
    const requests = [anyPack(UnaryRequestSchema, request)];
    return create(UnaryResponseSchema, { payload: await unaryPayload(context, request.responseDefinition, requests) });
  },
  async idempotentUnary(request: IdempotentUnaryRequest, context) {
    const requests = [anyPack(IdempotentUnaryRequestSchema, request)];
    return create(IdempotentUnaryResponseSchema, { payload: await unaryPayload(context, request.responseDefinition, requests) });
  },
  async clientStream(messages, context) {
    const { definition, requests } = await collect(messages);
    return create(ClientStreamResponseSchema, { payload: await unaryPayload(context, definition, requests) });
  },
  async *serverStream(request, context) {
    const definition = request.responseDefinition;
    if (definition === undefined) return;
    announce(context, definition);
    const requests = [anyPack(ServerStreamRequestSchema, request)];
    for await (const payload of rest(context, definition, { sent: 0, requests })) yield create(ServerStreamResponseSchema, { payload });
  },
  async *bidiStream(messages, context) {
    for await (const payload of bidi(messages, context)) yield create(BidiStreamResponseSchema, { payload });
  },
};
