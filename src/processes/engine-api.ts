import { request as httpsRequest } from 'node:https';
import { request as httpRequest } from '../kernel/node-http.ts';
import { reachable } from './engines/fields.ts';
import type { EngineApi } from './engines/index.ts';
import { callGrpc, type GrpcAnswer } from './grpc-call.ts';

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

/** Calls a method of the gRPC API of an engine, in bytes, with its secret; of a stream the first message is the answer. Throws what keeps it from answering. */
export function callGrpcApi(
  api: EngineApi,
  method: string,
  { message, signal }: { readonly message: Buffer; readonly signal: AbortSignal },
): Promise<GrpcAnswer> {
  const { port, tls, secret } = api;
  return callGrpc({ host: reachable(api.address ?? ''), port, method, message, signal, tls, secret: secret.value });
}
