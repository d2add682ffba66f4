import { readFile, stat } from 'node:fs/promises';
import type { ProcessContext } from './context.ts';
import type { EngineApi } from './engines/index.ts';
import { engines } from './engines/index.ts';
import { formatOf, maxConfigBytes, readConfig } from './engines/read-config.ts';
import { type EngineFigures, figuresApi, readFigures } from './figures.ts';
import type { Monitor, MonitoredRun } from './monitor.ts';
import { addTraffic, readTraffic, type TrafficRecord, writeTraffic } from './traffic.ts';
import { runFiles } from './unit-record.ts';

const limitMs = 2000;
/** A new run is asked sooner the first time, so that nobody waits an interval for its first figures. */
const firstMs = 1000;

/** What the engines said last of their traffic, by process. */
export interface FiguresBoard {
  /** Connections of now; bytes over all runs of the process, which only rise and stay while it does not run. */
  get(id: string): EngineFigures | undefined;
  /** The process is gone for good. */
  forget(id: string): void;
}

interface Known {
  readonly connections: number | undefined;
  readonly traffic: TrafficRecord | undefined;
}

/**
 * Asks each engine that runs for its figures now and then, by the API that its config opens. A config without one costs a look at its
 * date. An engine that does not answer tells no connections: it is its probes that judge it.
 */
export function figuresMonitor(
  { clock, logger, stateDir }: Pick<ProcessContext, 'clock' | 'logger' | 'stateDir'>,
  everyMs: number,
): { readonly monitor: Monitor; readonly board: FiguresBoard } {
  const known = new Map<string, Known>();
  const take = async ({ unit, run }: MonitoredRun, read: EngineFigures | undefined): Promise<void> => {
    const before = known.get(unit.id)?.traffic;
    const traffic = read === undefined ? before : addTraffic(before, run.runId, read);
    known.set(unit.id, { connections: read?.connections, traffic });
    if (traffic === undefined || JSON.stringify(traffic) === JSON.stringify(before)) return;
    // Without it the next daemon begins to count anew, and no more: a full disk is told by others.
    await writeTraffic(runFiles(stateDir, unit.id).traffic, traffic).catch(() => undefined);
  };
  const watch = async (subject: MonitoredRun): Promise<void> => {
    const { unit, signal } = subject;
    const api = apiFinder(unit);
    for (let waitMs = Math.min(firstMs, everyMs); ; waitMs = everyMs) {
      await clock.sleep(waitMs, signal);
      const found = await api().catch(() => undefined);
      const read =
        found === undefined
          ? undefined
          : await readFigures(found, AbortSignal.any([signal, AbortSignal.timeout(limitMs)])).catch(() => undefined);
      if (signal.aborted) return;
      await take(subject, read);
    }
  };
  return {
    board: {
      get(id) {
        const figures = known.get(id);
        return (
          figures && { connections: figures.connections, transmitBytes: undefined, receiveBytes: undefined, ...figures.traffic?.total }
        );
      },
      forget: (id) => void known.delete(id),
    },
    monitor(subject) {
      const { unit, signal } = subject;
      if (unit.engine === undefined || unit.configPath === undefined) return;
      if (!known.has(unit.id)) known.set(unit.id, { connections: undefined, traffic: readTraffic(runFiles(stateDir, unit.id).traffic) });
      const ended = (): void => void known.set(unit.id, { connections: undefined, traffic: known.get(unit.id)?.traffic });
      signal.addEventListener('abort', ended, { once: true });
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
