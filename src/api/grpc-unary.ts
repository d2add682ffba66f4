/**
 * Unary calls over gRPC without Connect's input and output pipelines, which are a dozen generators around one message: here the
 * message is read, decoded, handed to the same interceptors and the same implementation, and framed. What is not the
 * common case (JSON, compressed requests) stays with Connect's own handler.
 */
import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouterOptions, createMethodImplSpec, type MethodImpl } from '@connectrpc/connect';
import {
  encodeEnvelope,
  invokeUnaryImplementation,
  type UniversalServerRequest,
  type UniversalServerResponse,
  validateUniversalHandlerOptions,
} from '@connectrpc/connect/protocol';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { grpcContext } from './grpc-context.ts';

/** Why the signal of a call fires that has been answered: a constant, since an abort without a reason makes a DOMException each time. */
const answered = new Error('the call was answered');
const headBytes = 5;
const compressedFlag = 1;

/** A handler for a unary method, with the options that Connect's handlers have. */
export function grpcUnaryHandler(
  method: DescMethod,
  implementation: MethodImpl<DescMethod>,
  options: ConnectRouterOptions,
): (request: UniversalServerRequest) => Promise<UniversalServerResponse> {
  const valid = validateUniversalHandlerOptions(options);
  const spec = createMethodImplSpec(method, implementation);
  if (spec.kind !== 'unary') throw new TypeError(`${method.name} is no unary method`);
  return async (request) => {
    const { context, timeoutError } = grpcContext(method, request, valid);
    let frame: Uint8Array | undefined;
    try {
      if (timeoutError !== undefined) throw timeoutError;
      const input = parse(method, await singleMessage(request.body as AsyncIterable<Uint8Array>, valid.readMaxBytes));
      frame = encodeEnvelope(0, toBinary(method.output, await invokeUnaryImplementation(spec, context, input, valid.interceptors)));
    } catch (error) {
      const known = error instanceof ConnectError ? error : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
      setTrailerStatus(context.responseTrailer, known);
    } finally {
      context.abort(answered);
    }
    return { status: 200, header: context.responseHeader, body: only(frame), trailer: context.responseTrailer };
  };
}

async function* only(frame: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (frame !== undefined) yield frame;
}

function parse(method: DescMethod, bytes: Uint8Array): Message {
  try {
    return fromBinary(method.input, bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`parse binary: ${why}`, Code.Internal, undefined, undefined, error);
  }
}

/** The one message of a body, as Connect's own pipeline judges it; a length beyond the limit ends the reading at once. */
async function singleMessage(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let length: number | undefined;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (length === undefined && size >= headBytes) length = judgeHead(joined(chunks), maxBytes);
    if (length !== undefined && size > headBytes + length) {
      throw new ConnectError('protocol error: received extra input message for unary method', Code.Unimplemented);
    }
  }
  if (size === 0) throw new ConnectError('protocol error: missing input message for unary method', Code.Unimplemented);
  if (length === undefined) throw new ConnectError('protocol error: incomplete envelope', Code.InvalidArgument);
  if (size < headBytes + length) {
    throw new ConnectError(
      `protocol error: promised ${length} bytes in enveloped message, got ${size - headBytes} bytes`,
      Code.InvalidArgument,
    );
  }
  return joined(chunks).subarray(headBytes);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}

/** The length that an envelope promises. Throws what is wrong with its head. */
function judgeHead(bytes: Uint8Array, maxBytes: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  const length = view.getUint32(1);
  if (length > maxBytes) {
    throw new ConnectError(`message size ${length} is larger than configured readMaxBytes ${maxBytes}`, Code.ResourceExhausted);
  }
  if ((view.getUint8(0) & compressedFlag) !== 0) {
    throw new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
  }
  return length;
}
