import type { Journal, Json, JsonObject, StoredEvent } from '../../events/types.ts';
import type { Logs } from '../../logs/types.ts';
import type { ExitRecord, ProcessResources, ProcessView, Supervisor } from '../types.ts';
import { remediesOf } from './remedies.ts';
import type { ProcessExplanation } from './types.ts';

export interface ExplainDeps {
  readonly supervisor: Pick<Supervisor, 'get'>;
  readonly journal: Pick<Journal, 'list'>;
  readonly logs: Pick<Logs, 'list'>;
  /** What is known of its configs; 0 and empty where it has none. */
  readonly configs: { lastGoodOf(id: string): number; diffToLastGood(id: string): Promise<string> };
}

const mostExits = 10;
const mostLines = 50;

/**
 * Why a process stands where it stands. Its exits, with their last lines and their config's difference, are those of the journal, so that they
 * outlive the daemon. Throws PROCESS_NOT_FOUND.
 */
export async function explainProcess({ supervisor, journal, logs, configs }: ExplainDeps, id: string): Promise<ProcessExplanation> {
  const process = supervisor.get(id);
  const exits = await exitsOf(journal, id);
  const last = exits[0]?.data ?? {};
  const current = await configs.diffToLastGood(id);
  const recorded = textIn(last, 'config_diff');
  return {
    process,
    summary: summaryOf(process),
    exits: exits.map(exitRecord),
    logLines: linesIn(last) ?? (await newestLines(logs, id)),
    configDiff: exits.length > 0 ? recorded : current,
    resourcesAtExit: resourcesIn(last),
    ...nextOf(process, current !== ''),
    remedies: remediesOf(process, { hasDiff: current !== '', lastGood: configs.lastGoodOf(id) }),
  };
}

async function exitsOf(journal: Pick<Journal, 'list'>, id: string): Promise<readonly StoredEvent[]> {
  const filter = { types: ['process.exited'], subjects: [id], sources: ['sboxagent'] };
  const { events } = await journal.list({ filter, order: 'desc', pageSize: mostExits });
  return events;
}

async function newestLines(logs: Pick<Logs, 'list'>, id: string): Promise<readonly string[]> {
  const { entries } = await logs.list({ filter: { sources: [id] }, order: 'desc', pageSize: mostLines });
  return entries.map(({ message }) => message).reverse();
}

function exitRecord({ data = {}, time }: StoredEvent): ExitRecord {
  const code = data['code'];
  return {
    ...(typeof code === 'number' ? { code } : {}),
    signal: textIn(data, 'signal'),
    timeMs: time.seconds * 1000 + Math.trunc(time.nanos / 1e6),
    oomKilled: data['reason'] === 'OOM_KILLED',
    durationMs: numberIn(data, 'duration_ms'),
  };
}

const verbs: Readonly<Record<ProcessView['state'], string>> = {
  STOPPED: 'does not run',
  STARTING: 'starts',
  RUNNING: 'runs, but is not ready',
  READY: 'runs and is ready',
  BACKOFF: 'waits for its next start',
  STOPPING: 'is being stopped',
  EXITED: 'ended and is left as it is',
  CRASH_LOOP: 'ended too often and is given up',
};

function summaryOf({ id, state, message, reason }: ProcessView): string {
  const why = message || reason;
  return `${id} ${verbs[state]}${why === '' ? '' : `: ${why}`}`;
}

function nextOf(
  { state, nextStartTimeMs, desired }: ProcessView,
  hasDiff: boolean,
): Pick<ProcessExplanation, 'nextAction' | 'nextActionTimeMs'> {
  if (state === 'BACKOFF') return { nextAction: 'it is started again', nextActionTimeMs: nextStartTimeMs };
  return { nextAction: restingAction(state, desired, hasDiff), nextActionTimeMs: undefined };
}

function restingAction(state: ProcessView['state'], desired: ProcessView['desired'], hasDiff: boolean): string {
  switch (state) {
    case 'STARTING':
    case 'RUNNING':
    case 'STOPPING':
      return 'the agent goes on watching it';
    case 'READY':
      return hasDiff ? 'none: it is well, with the config from before its file was changed' : 'none: it is well';
    default:
      return desired === 'UP' ? 'none by itself: a person must start it' : 'none: nobody wants it to run';
  }
}

function textIn(data: JsonObject, key: string): string {
  const value = data[key];
  return typeof value === 'string' ? value : '';
}

function numberIn(data: JsonObject, key: string): number {
  const value = data[key];
  return typeof value === 'number' ? value : 0;
}

function linesIn(data: JsonObject): readonly string[] | undefined {
  const value: Json | undefined = data['log_lines'];
  return Array.isArray(value) && value.length > 0 ? value.map(String) : undefined;
}

function resourcesIn(data: JsonObject): ProcessResources | undefined {
  const value = data['resources'];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const all = value as JsonObject;
  return {
    cpuUsageRatio: numberIn(all, 'cpu_usage_ratio'),
    residentMemoryBytes: numberIn(all, 'resident_memory_bytes'),
    openFds: numberIn(all, 'open_fds'),
    threads: numberIn(all, 'threads'),
  };
}
