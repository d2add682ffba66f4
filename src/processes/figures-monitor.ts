import { readFile, stat } from 'node:fs/promises';
import type { ProcessContext } from './context.ts';
import type { EngineApi } from './engines/index.ts';
import { engines } from './engines/index.ts';
import { formatOf, maxConfigBytes, readConfig } from './engines/read-config.ts';
import { type EngineFigures, figuresApi, readFigures } from './figures.ts';
import type { Monitor, MonitoredRun } from './monitor.ts';

const limitMs = 2000;

/** What the engines said last of their traffic, by process. */
export interface FiguresBoard {
  get(id: string): EngineFigures | undefined;
}

/**
 * Asks each engine that runs for its figures now and then, by the API that its config opens. A config without one costs a look at its
 * date. An engine that does not answer has no figures: it is its probes that judge it.
 */
export function figuresMonitor(
  { clock, logger }: ProcessContext,
  everyMs: number,
): { readonly monitor: Monitor; readonly board: FiguresBoard } {
  const figures = new Map<string, EngineFigures>();
  const watch = async ({ unit, signal }: MonitoredRun): Promise<void> => {
    const api = apiFinder(unit);
    for (;;) {
      await clock.sleep(everyMs, signal);
      const found = await api().catch(() => undefined);
      const read =
        found === undefined
          ? undefined
          : await readFigures(found, AbortSignal.any([signal, AbortSignal.timeout(limitMs)])).catch(() => undefined);
      if (signal.aborted) return;
      if (read === undefined) figures.delete(unit.id);
      else figures.set(unit.id, read);
    }
  };
  return {
    board: { get: (id) => figures.get(id) },
    monitor(subject) {
      const { unit, signal } = subject;
      if (unit.engine === undefined || unit.configPath === undefined) return;
      signal.addEventListener('abort', () => void figures.delete(unit.id), { once: true });
      watch(subject).catch((error: unknown) => {
        if (!signal.aborted) logger.error({ process: unit.id, error }, 'the figures of an engine are no longer read');
      });
    },
  };
}

/** Reads the config again only when the file has changed. */
function apiFinder({ engine, configPath = '' }: MonitoredRun['unit']): () => Promise<EngineApi | undefined> {
  let seen = '';
  let api: EngineApi | undefined;
  return async () => {
    if (engine === undefined) return undefined;
    const { mtimeMs, size } = await stat(configPath);
    const version = `${mtimeMs} ${size}`;
    if (version === seen || size > maxConfigBytes) return api;
    const config = readConfig(engines[engine], await readFile(configPath, 'utf8'), formatOf(engines[engine], configPath));
    api = config.ok ? figuresApi(engines[engine], config.document) : undefined;
    seen = version;
    return api;
  };
}
