/**
 * gRPC by hand over node:http2, the same for both sides: a load generator that costs less than what it measures.
 * Bodies are encoded once by the caller; of answers only the frames are taken apart.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';

export interface GrpcLink {
  /** One call; answers the message, or throws what grpc-status says. */
  unary(path: string, message: Uint8Array): Promise<Buffer>;
  /** A stream; each message that comes is handed on. Throws by `failed`. */
  stream(path: string, handlers: { message(body: Buffer): void; failed(error: Error): void }): GrpcStream;
  close(): void;
}

export interface GrpcStream {
  send(message: Uint8Array): void;
  /** No more messages from here. */
  end(): void;
  /** Reads no more: what comes stays with the sender. */
  pause(): void;
  cancel(): void;
}

const WINDOW_BYTES = 4 * 1024 * 1024;

function frame(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(5 + message.length);
  out[0] = 0;
  out.writeUInt32BE(message.length, 1);
  out.set(message, 5);
  return out;
}

/** Gives out whole messages however the bytes were cut. */
function deframer(onMessage: (body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  };
}

/** What the end of a call says: nothing when it went well. */
function verdict(stream: ClientHttp2Stream): () => Error | undefined {
  let status: string | undefined;
  let message = '';
  const read = (headers: IncomingHttpHeaders): void => {
    if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status']);
    message = String(headers['grpc-message'] ?? message);
  };
  stream.on('response', read);
  stream.on('trailers', read);
  return () => (status === '0' ? undefined : new Error(`grpc-status ${status ?? 'missing'} ${decodeURIComponent(message)}`));
}

function open(session: ClientHttp2Session, path: string, token: string | undefined): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
}

/** Connects; the token goes to either side alike, the peers do not read it. */
export async function openGrpc(port: number, token?: string): Promise<GrpcLink> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW_BYTES, enablePush: false } });
  await new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('error', reject));
  session.setLocalWindowSize(WINDOW_BYTES);
  session.on('error', () => {}); // the streams report it
  return {
    unary: (path, message) =>
      new Promise((resolve, reject) => {
        const stream = open(session, path, token);
        const failure = verdict(stream);
        let body: Buffer | undefined;
        stream.on(
          'data',
          deframer((got) => (body = got)),
        );
        stream.once('error', reject);
        stream.once('end', () => {
          const error = failure();
          if (error === undefined && body !== undefined) resolve(body);
          else reject(error ?? new Error('no message'));
        });
        stream.end(frame(message));
      }),
    stream(path, handlers) {
      const stream = open(session, path, token);
      const failure = verdict(stream);
      let over = false;
      stream.on('data', deframer(handlers.message));
      stream.once('error', (error) => over || handlers.failed(error));
      stream.once('end', () => over || handlers.failed(failure() ?? new Error('the stream ended')));
      return {
        send: (message) => void stream.write(frame(message)),
        end: () => void stream.end(),
        pause: () => void stream.pause(),
        cancel() {
          over = true;
          stream.close(constants.NGHTTP2_CANCEL);
        },
      };
    },
    close: () => session.destroy(),
  };
}
