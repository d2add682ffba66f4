import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { reachable } from '../engines/fields.ts';
import type { EngineApi } from '../engines/index.ts';
import { formatOf, readConfig } from '../engines/read-config.ts';
import type { Probe } from './types.ts';

/** Succeeds when the engine's own API answers as it does to its owner. */
export const engineProbe: Probe<{ readonly kind: 'engine' }> = async (_, { signal, subject }) => {
  if (subject?.engine === undefined || subject.configPath === undefined) throw new Error('there is no engine to ask');
  const { engine, configPath } = subject;
  const config = readConfig(engine, await readFile(configPath, 'utf8'), formatOf(engine, configPath));
  if (!config.ok) throw new Error(`its config cannot be read: ${config.fault.message}`);
  const api = engine.apis(config.document).find(({ address, port }) => address !== undefined && port > 0);
  if (api === undefined) throw new Error('its config opens no API to ask');
  const message = await answerOf(api, signal);
  return { ok: true, message };
};

const paths: Partial<Readonly<Record<EngineApi['kind'], string>>> = {
  clash: '/version',
  hysteria: '/online',
  expvar: '/debug/vars',
  debug: '/debug/pprof/',
  ssm: '/server/v1',
};

/** What it said; throws where it does not answer, or not to us. */
function answerOf(api: EngineApi, signal: AbortSignal): Promise<string> {
  const path = paths[api.kind];
  return path === undefined ? askGrpc(api, signal) : askHttp(api, path, signal);
}

function askHttp(api: EngineApi, path: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const secret = api.secret.value;
  const authorization = api.kind === 'hysteria' ? secret : `Bearer ${secret}`;
  const send = api.tls ? httpsRequest : httpRequest;
  const options = {
    host: reachable(api.address ?? ''),
    port: api.port,
    path,
    headers: secret === '' ? {} : { authorization },
    signal,
    agent: false,
    // It is this machine's own engine, known by its secret; its certificate is for the world.
    rejectUnauthorized: false,
  } as const;
  const asked = send(options, (response) => {
    response.on('error', () => undefined);
    response.destroy();
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 400) resolve(`its API answers with status ${status}`);
    else reject(new Error(`its API answers with status ${status}`));
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}

/** Codes of gRPC by which a transport says that nobody answered. */
const nobodyAnswered = new Set([1, 4, 14]);

/** Any answer of a gRPC server proves that it lives, also that it has no such method, or wants a secret. */
async function askGrpc(api: EngineApi, signal: AbortSignal): Promise<string> {
  // Loaded only where such an API is asked: it is 60 ms of start.
  const { Client, credentials } = await import('@grpc/grpc-js');
  const host = reachable(api.address ?? '');
  const client = new Client(`${host.includes(':') ? `[${host}]` : host}:${api.port}`, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const method = '/xray.app.stats.command.StatsService/GetSysStats';
  const raw = (bytes: Buffer): Buffer => bytes;
  const call = client.makeUnaryRequest(method, raw, raw, Buffer.alloc(0), (error) => {
    if (error === null || !nobodyAnswered.has(error.code)) resolve('its API answers');
    else reject(new Error(`its API does not answer: ${error.details}`));
  });
  const leave = (): void => call.cancel();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
}
