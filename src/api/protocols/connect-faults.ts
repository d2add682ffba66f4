/**
 * What Connect's handlers refuse by themselves (a body that does not parse, a message too large) reaches no code of ours and leaves
 * without details. This reads the error out of such an answer and puts our form of it there.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeEnvelope, type UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, endStreamFlag, errorFromJson, errorToJson } from '@connectrpc/connect/protocol-connect';
import { findTrailerError } from '@connectrpc/connect/protocol-grpc';
import { trailerFlag, trailerParse, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { fromUnknown } from '../errors/known.ts';
import type { Call } from '../seam.ts';
import { toConnectError } from './connect-error.ts';
import { grpcMessage, grpcStatus } from './grpc-status.ts';

type Body = AsyncIterable<Uint8Array>;

/** The answer with details in its error, if it has one. */
export async function withDetails(answer: UniversalServerResponse, call: Call): Promise<UniversalServerResponse> {
  const { body, trailer } = answer;
  if (body === undefined) return answer;
  if (call.protocol === 'grpc')
    return { ...answer, body: mapChunks(body, same, () => trailer !== undefined && amendTrailer(trailer, call)) };
  if (call.protocol === 'grpc_web') return { ...answer, body: mapChunks(body, (chunk) => amendWebTrailer(chunk, call)) };
  return call.method.stream ? { ...answer, body: mapChunks(body, (chunk) => amendEndStream(chunk, call)) } : amendUnary(answer, call);
}

const same = (chunk: Uint8Array): Uint8Array => chunk;

/** The chunks changed on their way; who stops reading stops the reader behind. */
export function mapChunks(
  body: Body,
  map: (chunk: Uint8Array) => Uint8Array,
  atEnd: () => unknown = () => {},
): AsyncIterableIterator<Uint8Array> {
  const inner = body[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const item = await inner.next();
      if (item.done === true) atEnd();
      return item.done === true ? item : { done: false, value: map(item.value) };
    },
    return: () => inner.return?.() ?? Promise.resolve({ done: true, value: undefined }),
  };
}

/** An error that has details was made by us; what Connect made is said in our form. Undefined: nothing is to be changed. */
function amended(error: ConnectError | undefined, call: Call): ConnectError | undefined {
  if (error === undefined || error.details.length > 0) return undefined;
  const known = fromUnknown(new ConnectError(error.rawMessage, error.code));
  call.outcome(known.code, known);
  return toConnectError(known);
}

function amendTrailer(trailer: Headers, call: Call): boolean {
  const error = findTrailerError(trailer);
  const better = amended(error, call);
  for (const [name, value] of Object.entries(better === undefined ? {} : grpcStatus(better, true))) trailer.set(name, String(value));
  // Connect encodes more than it must, which grpc-js shows its users as it came.
  if (better === undefined && error !== undefined) trailer.set('grpc-message', grpcMessage(error.rawMessage));
  return error !== undefined;
}

function amendWebTrailer(chunk: Uint8Array, call: Call): Uint8Array {
  if (((chunk[0] ?? 0) & trailerFlag) === 0) return chunk;
  const trailer = trailerParse(chunk.subarray(5));
  return amendTrailer(trailer, call) ? encodeEnvelope(trailerFlag, trailerSerialize(trailer)) : chunk;
}

function internal(): ConnectError {
  return new ConnectError('internal error', Code.Internal);
}

function jsonOf(bytes: Uint8Array): { readonly error?: unknown } {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) ?? {};
  } catch {
    return {};
  }
}

function amendEndStream(chunk: Uint8Array, call: Call): Uint8Array {
  // A compressed end is one with much metadata: Connect's own errors are short.
  if (chunk[0] !== endStreamFlag) return chunk;
  const end = jsonOf(chunk.subarray(5));
  if (end.error === undefined) return chunk;
  const better = amended(errorFromJson(end.error as never, undefined, internal()), call);
  if (better === undefined) return chunk;
  return encodeEnvelope(endStreamFlag, Buffer.from(JSON.stringify({ ...end, error: errorToJson(better, undefined) })));
}

/** Its status depends on the body, which is one small chunk. */
async function amendUnary(answer: UniversalServerResponse, call: Call): Promise<UniversalServerResponse> {
  if (answer.status === 200 || answer.body === undefined || answer.header?.has('content-encoding') === true) return answer;
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const better = amended(errorFromJson(jsonOf(body) as never, undefined, internal()), call);
  const bytes = better === undefined ? body : Buffer.from(JSON.stringify(errorToJson(better, undefined)));
  const header = new Headers(answer.header);
  header.set('content-length', String(bytes.byteLength));
  const status = better === undefined ? answer.status : codeToHttpStatus(better.code);
  return { ...answer, status, header, body: mapChunks(only(bytes), same) };
}

async function* only(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
