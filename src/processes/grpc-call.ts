import { connect, constants, type IncomingHttpHeaders } from 'node:http2';

export type GrpcAnswer =
  | { readonly ok: true; readonly message: Buffer }
  | { readonly ok: false; readonly code: number; readonly details: string };

export interface GrpcCall {
  readonly host: string;
  readonly port: number;
  /** `/grpc.health.v1.Health/Check` */
  readonly method: string;
  /** The request, encoded. */
  readonly message: Buffer;
  readonly signal: AbortSignal;
}

/** Answers of this size are read; a health answer has four bytes, all statistics of an engine some hundred KiB. */
const maxAnswerBytes = 8 * 1024 * 1024;
const prefixBytes = 5;

/**
 * One unary gRPC call in clear text, on a connection of its own that is gone with it: gRPC's own client keeps a connection to a server that
 * is silent, long after it was closed. Throws what keeps the server from answering, and the signal's reason.
 */
export async function callGrpc({ host, port, method, message, signal }: GrpcCall): Promise<GrpcAnswer> {
  signal.throwIfAborted();
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const { promise, resolve, reject } = Promise.withResolvers<GrpcAnswer>();
  const session = connect(`http://${name}:${port}`);
  const leave = (): void => reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  session.on('error', reject);
  try {
    const stream = session.request({ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status: IncomingHttpHeaders = {};
    stream.on('error', reject);
    stream.on('response', (headers) => {
      status = headers;
    });
    stream.on('trailers', (trailers) => {
      status = trailers;
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) stream.close(constants.NGHTTP2_CANCEL);
      else chunks.push(chunk);
    });
    stream.on('close', () => resolve(answerOf(status, Buffer.concat(chunks))));
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    return await promise;
  } finally {
    signal.removeEventListener('abort', leave);
    session.destroy();
  }
}

/** UNAVAILABLE where it does not speak gRPC. */
function answerOf(status: IncomingHttpHeaders, body: Buffer): GrpcAnswer {
  const code = Number(status['grpc-status'] ?? 14);
  if (code === 0)
    return { ok: true, message: body.subarray(prefixBytes, prefixBytes + (body.length >= prefixBytes ? body.readUInt32BE(1) : 0)) };
  const details = status['grpc-message'] ?? (status['grpc-status'] === undefined ? 'it does not speak gRPC' : `code ${code}`);
  return { ok: false, code, details: String(details) };
}
