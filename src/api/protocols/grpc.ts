/**
 * gRPC, the common case: plain protobuf. What is rare (JSON, compression, streams from the client over HTTP/1.1) goes to Connect's handlers.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { systemClock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { FeedCodec } from '../../kernel/feed.ts';
import { encodeMessage } from '../codec/binary.ts';
import { CallContext } from '../dispatch/context.ts';
import { errorHeaders, httpStatusOf } from '../errors/codes.ts';
import { fromUnknown } from '../errors/known.ts';
import type { Answered, Call, ManyRun, ServingProtocol } from '../seam.ts';
import { answerEarly, dropRest, readBody } from '../transports/body.ts';
import { type Exchange, type Head, header } from '../transports/exchange.ts';
import { nodeHeaders } from '../transports/web-headers.ts';
import type { ConnectHandlers } from './connect-handlers.ts';
import { headBytes, IncomingMessages, onlyMessage } from './grpc-messages.ts';
import { grpcStatus } from './grpc-status.ts';
import { toRestBody } from './rest/error.ts';
import { writeStream } from './write-stream.ts';

interface GrpcOptions {
  /** Serves what is rare. */
  readonly handlers: () => ConnectHandlers;
  /** api.limits.message_bytes. */
  readonly maxBytes: () => number;
  /** False leaves errors without details, for a suite that compares them. */
  readonly details: boolean;
}

const contentType = 'application/grpc+proto';

/** Milliseconds of `grpc-timeout`; undefined without one. Throws for what is none. */
function deadline(exchange: Exchange): number | undefined {
  const text = header(exchange, 'grpc-timeout');
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  if (digits === undefined) throw new AgentError('INVALID_REQUEST', `grpc-timeout is no duration: ${text.slice(0, 100)}`);
  const ms = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 }[unit] ?? 0;
  return Number(digits) * ms;
}

/** The message in its envelope. */
function encode(desc: DescMessage, message: Answered): Buffer {
  const frame = encodeMessage(desc, message, headBytes);
  frame[0] = 0;
  frame.writeUInt32BE(frame.byteLength - headBytes, 1);
  return frame;
}

const plainHead: Head = { 'content-type': contentType };

function head({ sentHeader }: CallContext): Head {
  return sentHeader === undefined ? plainHead : { ...nodeHeaders(sentHeader), 'content-type': contentType };
}

function trailers({ sentTrailer }: CallContext, status: Head): Head {
  return sentTrailer === undefined ? status : { ...nodeHeaders(sentTrailer), ...status };
}

const ok: Head = { 'grpc-status': '0' };

async function refuse(exchange: Exchange, error: unknown, details: boolean): Promise<void> {
  const known = fromUnknown(error);
  if (exchange.http2) {
    const headers = { 'content-type': 'application/grpc', ...grpcStatus(error, details), ...errorHeaders(known) };
    return answerEarly(exchange, { status: 200, headers, body: undefined });
  }
  // Over HTTP/1.1 there is no trailers-only answer to give.
  const headers = { 'content-type': 'application/json', ...errorHeaders(known) };
  return answerEarly(exchange, { status: httpStatusOf(known), headers, body: JSON.stringify(toRestBody(known)) });
}

/** The last word of a call that failed. */
async function fail(call: Call, context: CallContext, error: unknown, details: boolean): Promise<void> {
  const { exchange } = context;
  const known = fromUnknown(error);
  call.outcome(known.code, error);
  if (exchange.closed) return;
  if (!exchange.responded && context.sentHeader === undefined && context.sentTrailer === undefined) return refuse(exchange, error, details);
  if (!exchange.responded) exchange.respond(200, head(context));
  exchange.end(undefined, trailers(context, { ...grpcStatus(error, details), ...errorHeaders(known) }));
  return dropRest(exchange);
}

function answerUnary(context: CallContext, answer: Answered): void {
  const { call, exchange } = context;
  // What was cut is not answered with what its handler made of it after all.
  if (call.reason !== undefined) throw call.reason;
  const frame = encode(call.method.desc.output, answer);
  if (exchange.closed) return;
  exchange.respond(200, head(context));
  exchange.end(frame, trailers(context, ok));
}

/** One codec a method: readers of a feed share their frames by it. */
const codecs = new WeakMap<DescMessage, FeedCodec<Answered, Buffer>>();

function codecOf(desc: DescMessage): FeedCodec<Answered, Buffer> {
  let codec = codecs.get(desc);
  if (codec === undefined) {
    codec = { encode: (message) => encode(desc, message) };
    codecs.set(desc, codec);
  }
  return codec;
}

/** Writes what a service answers, message by message. */
async function answerAll(context: CallContext, answers: AsyncIterable<Answered>): Promise<void> {
  const { call, exchange } = context;
  const begin = (): void => exchange.respond(200, head(context));
  await writeStream(context, answers, { codec: codecOf(call.method.desc.output), begin });
  exchange.end(undefined, trailers(context, ok));
}

async function answerMany(context: CallContext, { many, maxBytes }: Many): Promise<void> {
  const { call, exchange } = context;
  const incoming = new IncomingMessages(exchange, call.method.desc.input, maxBytes);
  try {
    await answerAll(context, many(incoming, context));
  } finally {
    await incoming.return();
  }
  await dropRest(exchange);
}

interface Many {
  readonly many: ManyRun;
  readonly maxBytes: () => number;
}

/** Whether a request is of the common case. */
function isPlain({ headers }: Exchange): boolean {
  const { 'grpc-encoding': encoding, 'content-type': type } = headers;
  return (type === 'application/grpc' || type === contentType) && (encoding === undefined || encoding === 'identity');
}

export function createGrpc(options: GrpcOptions): ServingProtocol {
  const plain = async (call: Call, exchange: Exchange): Promise<void> => {
    const { run, desc } = call.method;
    let context = new CallContext(call, exchange);
    try {
      const timeoutMs = deadline(exchange);
      if (timeoutMs !== undefined) {
        const end = systemClock.monotonicMs() + timeoutMs;
        context = new CallContext(call, exchange, () => end - systemClock.monotonicMs());
        call.expireIn(timeoutMs);
      }
      if ('many' in run) {
        await answerMany(context, { many: run.many, maxBytes: options.maxBytes });
        return;
      }
      const limit = options.maxBytes();
      const input = onlyMessage(desc.input, await readBody(exchange, limit, headBytes), limit);
      if (run.kind === 'unary') answerUnary(context, await run.unary(input, context));
      else await answerAll(context, run.stream(input, context));
    } catch (error) {
      await fail(call, context, error, options.details);
    }
  };
  return {
    name: 'grpc',
    bodyBytes: (messageBytes) => messageBytes + headBytes,
    mediaTypes: ['application/grpc', contentType, 'application/grpc+json'],
    serve(call, exchange) {
      const { kind } = call.method.run;
      const oneMessage = kind === 'unary' || kind === 'server_streaming';
      const common = isPlain(exchange) && (oneMessage || exchange.http2);
      return common ? plain(call, exchange) : options.handlers().serve(call, exchange);
    },
    refuse: (exchange, error) => refuse(exchange, error, options.details),
  };
}
