/**
 * What Connect itself refuses (a body that does not parse, a message too large) never reaches an interceptor, so it would
 * leave without ErrorInfo. This looks at the finished answer and adds what is missing, in all of Connect's protocols.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeEnvelope, type UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, endStreamFlag, errorFromJson, errorToJson } from '@connectrpc/connect/protocol-connect';
import { findTrailerError, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { grpcMessage } from './refusal.ts';
import type { Call } from './seam.ts';
import { fromUnknown, toConnectError } from './wire-error.ts';

const trailerFlag = 0b10000000;

/** The answer with ErrorInfo in its error, if it has one; tells the call how it ended. */
export async function withErrorInfo(answer: UniversalServerResponse, call: Call): Promise<UniversalServerResponse> {
  const { body } = answer;
  if (body === undefined) return answer;
  switch (call.protocol) {
    case 'grpc':
      return { ...answer, body: mapBody(body, same, () => amendTrailer(answer.trailer, call)) };
    case 'grpc_web':
      return { ...answer, body: mapBody(body, (chunk) => amendWebTrailer(chunk, call)) };
    default:
      return call.method.stream ? { ...answer, body: mapBody(body, (chunk) => amendEndStream(chunk, call)) } : amendUnary(answer, call);
  }
}

const same = (chunk: Uint8Array): Uint8Array => chunk;

type Body = AsyncIterable<Uint8Array>;

async function* mapBody(body: Body, map: (chunk: Uint8Array) => Uint8Array, atEnd?: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield map(chunk);
  atEnd?.();
}

/** An error that has details was made by us; one without gets them. Answers undefined when nothing is to be changed. */
function amended(error: ConnectError, call: Call): ConnectError | undefined {
  if (error.details.length > 0) return undefined;
  const agentError = fromUnknown(error);
  call.outcome(agentError.code, agentError);
  return toConnectError(error);
}

function amendTrailer(trailer: Headers | undefined, call: Call): void {
  const error = trailer === undefined ? undefined : findTrailerError(trailer);
  const better = error === undefined ? undefined : amended(plain(error), call);
  if (trailer !== undefined && better !== undefined) setTrailerStatus(trailer, better);
  const message = trailer?.get('grpc-message');
  if (trailer !== undefined && message) trailer.set('grpc-message', grpcMessage(decodeURIComponent(message)));
}

/** findTrailerError keeps the whole trailer as metadata, which would come back doubled. */
function plain(error: ConnectError): ConnectError {
  const copy = new ConnectError(error.rawMessage, error.code);
  copy.details = error.details;
  return copy;
}

function amendWebTrailer(chunk: Uint8Array, call: Call): Uint8Array {
  if (((chunk[0] ?? 0) & trailerFlag) === 0) return chunk;
  const trailer = new Headers();
  for (const line of Buffer.from(chunk.subarray(5)).toString('utf8').split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailer.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const before = trailer.get('grpc-status-details-bin');
  amendTrailer(trailer, call);
  if (trailer.get('grpc-status-details-bin') === before) return chunk;
  const text = [...trailer].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return encodeEnvelope(trailerFlag, Buffer.from(text));
}

function amendEndStream(chunk: Uint8Array, call: Call): Uint8Array {
  // A compressed end is one with much metadata: Connect's own errors are short.
  if (chunk[0] !== endStreamFlag) return chunk;
  const end: unknown = JSON.parse(Buffer.from(chunk.subarray(5)).toString('utf8'));
  if (typeof end !== 'object' || end === null || !('error' in end)) return chunk;
  const better = amended(errorFromJson(end.error as never, undefined, internal()), call);
  return better === undefined
    ? chunk
    : encodeEnvelope(endStreamFlag, Buffer.from(JSON.stringify({ ...end, error: errorToJson(better, undefined) })));
}

function internal(): ConnectError {
  return new ConnectError('internal error', Code.Internal);
}

/** Its status depends on the body, which is read first: it is one small chunk. */
async function amendUnary(answer: UniversalServerResponse, call: Call): Promise<UniversalServerResponse> {
  if (answer.status === 200 || answer.body === undefined || answer.header?.has('content-encoding') === true) return answer;
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const better = amended(errorFromJson(parse(body) as never, undefined, internal()), call);
  if (better === undefined) return { ...answer, body: once(body) };
  const changed = Buffer.from(JSON.stringify(errorToJson(better, undefined)));
  const header = new Headers(answer.header);
  header.set('content-length', String(changed.byteLength));
  return { ...answer, status: codeToHttpStatus(better.code), header, body: once(changed) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return {};
  }
}

async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
