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
  /** Sent as `authorization: Bearer …`; '' = none. */
  readonly secret?: string;
  /** Speaks TLS, whatever certificate there is. */
  readonly tls?: boolean;
}

/** Answers of this size are read; a health answer has four bytes, all statistics of an engine some hundred KiB. */
const maxAnswerBytes = 8 * 1024 * 1024;
const prefixBytes = 5;

/**
 * The first answer to a gRPC call (of a stream too), on a connection of its own that is gone with it: gRPC's own client keeps a connection to
 * a server that is silent, long after it was closed. Throws what keeps the server from answering, and the signal's reason.
 */
export async function callGrpc({ host, port, method, message, signal, secret = '', tls = false }: GrpcCall): Promise<GrpcAnswer> {
  signal.throwIfAborted();
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const { promise, resolve, reject } = Promise.withResolvers<GrpcAnswer>();
  // It is this machine's own engine, known by its secret; its certificate is for the world.
  const session = connect(`${tls ? 'https' : 'http'}://${name}:${port}`, { rejectUnauthorized: false });
  const leave = (): void => reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  session.on('error', reject);
  try {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' },
      ...(secret === '' ? {} : { authorization: `Bearer ${secret}` }),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    /** Size of the first message with its prefix, once that is there. */
    let wanted: number | undefined;
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
      wanted ??= bytes >= prefixBytes ? prefixBytes + Buffer.concat(chunks).readUInt32BE(1) : undefined;
      if (wanted !== undefined && bytes >= wanted) resolve({ ok: true, message: Buffer.concat(chunks).subarray(prefixBytes, wanted) });
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
