/**
 * How an AgentError is answered before Connect or the gateway is involved, in the shape that each protocol's clients read.
 * A small body is read first (a refusal that overtakes it makes curl over h2c fail); a larger one is not.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { toBinary } from '@bufbuild/protobuf';
import { encodeEnvelope } from '@connectrpc/connect/protocol';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { StatusSchema } from '../../gen/es/google/rpc/status_pb.js';
import type { AgentError } from '../kernel/errors.ts';
import { arrived, end, header, isGone, isHttp2, streamOf, write, writeHead } from './exchange.ts';
import { awaitSmallBody, bodyIsSmall, letGo, linger } from './gate/body.ts';
import type { HttpRequest, HttpResponse } from './seam.ts';
import { connectHttpStatusOf, grpcCodes, httpStatusOf, retryAfterSeconds, toConnectError, toRestBody, toStatus } from './wire-error.ts';

/**
 * What the client reads: REST's JSON is also for what no protocol claims, and plain text for an RPC path that is asked in
 * an unknown media type (clients of all protocols judge that by its status alone, and must find no error of theirs in it).
 */
export type Shape = 'grpc' | 'grpc_web' | 'connect_unary' | 'connect_stream' | 'rest' | 'text';

const rpcMediaTypes =
  'application/json, application/proto, application/connect+json, application/connect+proto, application/grpc, application/grpc+proto, application/grpc+json, application/grpc-web, application/grpc-web+proto, application/grpc-web+json';
const endStreamFlag = 0b00000010;

/** Headers that go with an error in every protocol. */
export function errorHeaders(error: AgentError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer';
  const seconds = retryAfterSeconds(error);
  if (seconds !== undefined) headers['retry-after'] = String(seconds);
  return headers;
}

/**
 * A message as gRPC's protocol encodes it: bytes outside printable ASCII, and the percent sign. More would be allowed, but grpc-js decodes
 * only what must be encoded and shows its users `%3A` otherwise.
 */
export function grpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^ -$&-~]+/gu, encodeURIComponent);
}

/** grpc-status, grpc-message and details as headers or trailers. */
export function grpcStatusHeaders(error: AgentError): Record<string, string> {
  const details = Buffer.from(toBinary(StatusSchema, toStatus(error))).toString('base64');
  return {
    'grpc-status': String(grpcCodes[error.code]),
    'grpc-message': grpcMessage(error.message),
    'grpc-status-details-bin': details.replace(/=+$/, ''),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

const empty = new Uint8Array();

function json(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) };
}

function answerOf(req: HttpRequest, shape: Shape, error: AgentError): Answer {
  switch (shape) {
    case 'grpc':
      // Over HTTP/1.1 there is no trailers-only answer to give.
      if (!isHttp2(req)) return json(httpStatusOf(error), toRestBody(error));
      return { status: 200, headers: { 'content-type': 'application/grpc', ...grpcStatusHeaders(error) }, body: empty };
    case 'grpc_web':
      return { status: 200, headers: { 'content-type': 'application/grpc-web+proto', ...grpcStatusHeaders(error) }, body: empty };
    case 'connect_unary':
      return json(connectHttpStatusOf(error), errorToJson(toConnectError(error), undefined));
    case 'connect_stream': {
      const data = Buffer.from(JSON.stringify({ error: errorToJson(toConnectError(error), undefined) }));
      return { status: 200, headers: { 'content-type': header(req, 'content-type') }, body: encodeEnvelope(endStreamFlag, data) };
    }
    case 'text':
      return {
        status: httpStatusOf(error),
        headers: { 'content-type': 'text/plain; charset=utf-8', 'accept-post': rpcMediaTypes },
        body: Buffer.from(`${error.reason}: ${error.message}\n`),
      };
    case 'rest':
      return json(httpStatusOf(error), toRestBody(error));
  }
}

async function send(req: HttpRequest, res: HttpResponse, answer: Answer): Promise<void> {
  const body = req.method === 'HEAD' ? empty : answer.body;
  const headers: OutgoingHttpHeaders = { ...answer.headers, 'content-length': answer.body.byteLength };
  const stream = streamOf(res);
  if (stream !== undefined && body.byteLength === 0) {
    // The compat layer's writeHead + end sends an empty DATA frame: not trailers-only, which grpcio reads as UNKNOWN.
    if (answer.body.byteLength === 0) delete headers['content-length'];
    stream.respond({ ...(res.getHeaders() as OutgoingHttpHeaders), ...headers, ':status': answer.status }, { endStream: true });
    return letGo(req, res);
  }
  if (stream !== undefined || arrived(req)) {
    writeHead(res, answer.status, headers);
    end(res, body);
    return letGo(req, res);
  }
  // Closing with unread bytes would reset the connection under the answer: say it, look away for a moment, then close.
  writeHead(res, answer.status, { ...headers, connection: 'close' });
  write(res, body);
  await linger(req);
  end(res);
}

/** Answers `error` and resolves when it is handed to the connection. Never rejects. */
export async function refuse(req: HttpRequest, res: HttpResponse, refusal: { shape: Shape; error: AgentError }): Promise<void> {
  const { shape, error } = refusal;
  try {
    if (bodyIsSmall(req)) await awaitSmallBody(req);
    if (isGone(res) || res.headersSent) return;
    const answer = answerOf(req, shape, error);
    await send(req, res, { ...answer, headers: { ...answer.headers, ...errorHeaders(error) } });
  } catch {
    // The client left while it was being told.
    res.destroy();
  }
}
