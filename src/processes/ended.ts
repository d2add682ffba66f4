import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { within } from '../kernel/within.ts';
import type { EndStatus } from './exit-status.ts';
import type { OomWatch } from './oom.ts';
import type { ResourceReader } from './resources.ts';
import type { RestartDecision } from './restart-policy.ts';
import type { Run } from './run.ts';
import type { ExitRecord, ProcessResources } from './types.ts';

/** Lines of output that an exit event carries. */
const exitLines = 20;
/** The output of a run that ended is waited for no longer than this. */
const drainMs = 2000;

/** How a run ended, and what is left to tell of it. */
export interface Ended {
  /** '' where no program was started. */
  readonly runId: string;
  readonly end: EndStatus;
  readonly timeMs: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly pid: number;
  readonly logLines: readonly string[];
  readonly oomKilled: boolean;
  /** The kernel killed in its own group: it was over `limits.memory`, not the machine out of memory. */
  readonly overLimit: boolean;
  /** Masked diff from the last config that proved itself to the one that it ended with. */
  readonly configDiff: string;
  /** Its newest figures from before its end; undefined where none were taken. */
  readonly resources: ProcessResources | undefined;
}

/** Why a run counts as failed, where it is not its exit: START_TIMEOUT, BINARY_NOT_FOUND, … */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** What a caller that waits is told instead, where it has a reason of its own. */
  readonly error?: AgentError;
}

/** The account of a run whose program is gone: all of its output was read. */
export async function endOf(
  { clock, oom, resources }: { readonly clock: Clock; readonly oom: OomWatch; readonly resources: ResourceReader },
  run: Run,
  { end, atMs }: { readonly end: EndStatus; readonly atMs: number },
): Promise<Ended> {
  await within(clock, drainMs, run.collection.drain());
  const killed = end.kind === 'signal' && end.signal === 'SIGKILL';
  const overLimit = killed && run.oomKills() > 0;
  const oomKilled = overLimit || (killed && oom.killed(run.pid, run.adopted));
  const timeMs = clock.wallMs() - (clock.monotonicMs() - atMs);
  return {
    runId: run.runId,
    end,
    timeMs,
    atMs,
    durationMs: Math.max(0, atMs - run.startedMs),
    pid: run.pid,
    logLines: run.collection.lastLines(exitLines),
    oomKilled,
    overLimit,
    configDiff: '',
    resources: resources.newest(run),
  };
}

/** The account of a start that came to nothing. */
export function neverRan(clock: Clock): Ended {
  const atMs = clock.monotonicMs();
  return {
    runId: '',
    end: { kind: 'unknown' },
    timeMs: clock.wallMs(),
    atMs,
    durationMs: 0,
    pid: 0,
    logLines: [],
    oomKilled: false,
    overLimit: false,
    configDiff: '',
    resources: undefined,
  };
}

/** What those who waited for a start are told. */
export function attemptError(id: string, { failure, ended }: { readonly failure: Failure; readonly ended: Ended | undefined }): AgentError {
  if (failure.error !== undefined) return failure.error;
  const lines = ended?.logLines.slice(-5).join('\n') ?? '';
  const end = ended?.end;
  const metadata = {
    process_id: id,
    ...(end?.kind === 'code' ? { exit_code: String(end.code) } : {}),
    ...(end?.kind === 'signal' ? { signal: end.signal } : {}),
  };
  const message = lines === '' ? failure.message : `${failure.message}; its last lines:\n${lines}`;
  return new AgentError('START_FAILED', message, { metadata });
}

export function reasonOf(ended: Ended): string {
  if (ended.overLimit) return 'MEMORY_LIMIT';
  if (ended.oomKilled) return 'OOM_KILLED';
  return ended.end.kind === 'code' ? 'EXIT_CODE' : ended.end.kind === 'signal' ? 'SIGNAL' : 'EXIT_UNKNOWN';
}

export function nextActionOf(decision: RestartDecision): string {
  switch (decision.kind) {
    case 'rest':
      return 'its restart policy leaves it as it is';
    case 'restart':
      return `it is started again in ${decision.delayMs / 1000} s`;
    case 'hold':
      return 'the apply that is in progress decides';
    case 'refused':
      return 'it is not tried again with this config: mend it, then start it';
    case 'crash-loop':
      return `it was started ${decision.starts} times within its window and is given up: look at its last lines, then start it`;
  }
}

export function exitRecord(ended: Ended): ExitRecord {
  const { end, timeMs, oomKilled, durationMs } = ended;
  const how = end.kind === 'code' ? { code: end.code, signal: '' } : { signal: end.kind === 'signal' ? end.signal : '' };
  return { ...how, timeMs, oomKilled, durationMs };
}

export function codeOf(exit: ExitRecord): { readonly code?: number; readonly signal?: string } {
  return { ...(exit.code === undefined ? {} : { code: exit.code }), ...(exit.signal === '' ? {} : { signal: exit.signal }) };
}
