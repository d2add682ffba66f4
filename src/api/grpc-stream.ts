/**
 * Server streams over gRPC without Connect's output pipeline, which copies every message twice per watcher and passes it
 * through six generators: here a message that many watchers get is framed once for all of them. What is not the common
 * case (JSON, compressed requests) stays with Connect's own handler.
 */
import { type DescMethod, type Message, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouterOptions, createMethodImplSpec, type MethodImpl } from '@connectrpc/connect';
import {
  createMethodSerializationLookup,
  encodeEnvelope,
  pipe,
  transformDecompressEnvelope,
  transformInvokeImplementation,
  transformParseEnvelope,
  transformPrepend,
  transformSplitEnvelope,
  type UniversalServerRequest,
  type UniversalServerResponse,
  validateUniversalHandlerOptions,
} from '@connectrpc/connect/protocol';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { type GrpcContext, grpcContext } from './grpc-context.ts';

export type StreamHandler = (request: UniversalServerRequest) => UniversalServerResponse;

/** Whether the short path serves this request. */
export function isPlainGrpc(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  const encoding = headers['grpc-encoding'];
  const type = headers['content-type'];
  return (type === 'application/grpc' || type === 'application/grpc+proto') && (encoding === undefined || encoding === 'identity');
}

/** Frames of messages that are still referenced: a batch is one object for all its watchers, and goes with it. */
const frames = new WeakMap<Message, Uint8Array>();

function frameOf(method: DescMethod, message: Message): Uint8Array {
  const known = frames.get(message);
  if (known !== undefined) return known;
  const frame = encodeEnvelope(0, toBinary(method.output, message));
  frames.set(message, frame);
  return frame;
}

/** A handler for a server-streaming method, with the options that Connect's handlers have. */
export function grpcStreamHandler(
  method: DescMethod,
  implementation: MethodImpl<DescMethod>,
  options: ConnectRouterOptions,
): StreamHandler {
  const valid = validateUniversalHandlerOptions(options);
  const spec = createMethodImplSpec(method, implementation);
  const serialization = createMethodSerializationLookup(method, valid.binaryOptions, valid.jsonOptions, valid).getI(true);
  return (request) => {
    const { context, timeoutError } = grpcContext(method, request, valid);
    const input = pipe(
      request.body as AsyncIterable<Uint8Array>,
      transformPrepend<Uint8Array>(() => {
        if (timeoutError !== undefined) throw timeoutError;
        return undefined;
      }),
      transformSplitEnvelope(valid.readMaxBytes),
      transformDecompressEnvelope(null, valid.readMaxBytes),
      transformParseEnvelope(serialization),
    );
    const messages = transformInvokeImplementation(spec, context, valid.interceptors)(input);
    return { status: 200, header: context.responseHeader, body: framed(method, messages, context), trailer: context.responseTrailer };
  };
}

async function* framed(method: DescMethod, messages: AsyncIterable<Message>, context: GrpcContext['context']): AsyncGenerator<Uint8Array> {
  try {
    for await (const message of messages) yield frameOf(method, message);
  } catch (error) {
    const known = error instanceof ConnectError ? error : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
    setTrailerStatus(context.responseTrailer, known);
  } finally {
    context.abort();
  }
}
