import { readFile } from 'node:fs/promises';
import { askHttpApi, callGrpcApi } from '../engine-api.ts';
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
  return answerOf(api, signal);
};

const paths: Partial<Readonly<Record<EngineApi['kind'], string>>> = {
  clash: '/version',
  hysteria: '/online',
  expvar: '/debug/vars',
  debug: '/debug/pprof/',
  ssm: '/server/v1',
};

/** Codes of gRPC by which a transport says that nobody answered. */
const nobodyAnswered = new Set([1, 4, 14]);

async function answerOf(api: EngineApi, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly message: string }> {
  const path = paths[api.kind];
  if (path !== undefined) {
    const { status } = await askHttpApi(api, path, { signal, readBody: false });
    return { ok: status >= 200 && status < 400, message: `its API answers with status ${status}` };
  }
  // Any answer of a gRPC server proves that it lives, also that it has no such method, or wants a secret.
  const answer = await callGrpcApi(api, '/xray.app.stats.command.StatsService/GetSysStats', { message: Buffer.alloc(0), signal });
  if (answer.ok || !nobodyAnswered.has(answer.code)) return { ok: true, message: 'its API answers' };
  return { ok: false, message: `its API does not answer: ${answer.details}` };
}
