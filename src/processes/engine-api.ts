import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { reachable } from './engines/fields.ts';
import type { EngineApi } from './engines/index.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** A list of connections of a busy engine has some MiB; more is not read. */
const maxBodyBytes = 16 * 1024 * 1024;

/** Asks the HTTP API of an engine, with its secret. `readBody: false` leaves when the status is there. Throws what keeps it from answering. */
export function askHttpApi(
  api: EngineApi,
  path: string,
  { signal, readBody }: { readonly signal: AbortSignal; readonly readBody: boolean },
): Promise<ApiAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
  const secret = api.secret.value;
  const send = api.tls ? httpsRequest : httpRequest;
  const options = {
    host: reachable(api.address ?? ''),
    port: api.port,
    path,
    headers: secret === '' ? {} : { authorization: api.kind === 'hysteria' ? secret : `Bearer ${secret}` },
    signal,
    agent: false,
    // It is this machine's own engine, known by its secret; its certificate is for the world.
    rejectUnauthorized: false,
  } as const;
  const asked = send(options, (response) => {
    const status = response.statusCode ?? 0;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const leave = (): void => {
      response.destroy();
      resolve({ status, body: '' });
    };
    response.on('error', reject);
    if (!readBody) return leave();
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) response.destroy(new Error(`its API answers with more than ${maxBodyBytes >> 20} MiB`));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve({ status, body: Buffer.concat(chunks).toString('utf8') }));
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}

export type GrpcAnswer =
  | { readonly ok: true; readonly message: Buffer }
  | { readonly ok: false; readonly code: number; readonly details: string };

/** Calls a unary method of the gRPC API of an engine, in bytes. Throws nothing of the call's own. */
export async function callGrpcApi(
  api: EngineApi,
  method: string,
  { message, signal }: { readonly message: Buffer; readonly signal: AbortSignal },
): Promise<GrpcAnswer> {
  // Loaded only where such an API is asked: it is 60 ms of start.
  const { Client, credentials } = await import('@grpc/grpc-js');
  const host = reachable(api.address ?? '');
  const client = new Client(`${host.includes(':') ? `[${host}]` : host}:${api.port}`, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const { promise, resolve } = Promise.withResolvers<GrpcAnswer>();
  const raw = (bytes: Buffer): Buffer => bytes;
  const call = client.makeUnaryRequest(method, raw, raw, message, (error, answer) =>
    resolve(error === null ? { ok: true, message: answer ?? Buffer.alloc(0) } : { ok: false, code: error.code, details: error.details }),
  );
  const leave = (): void => call.cancel();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
}
