import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { within } from '../kernel/within.ts';
import type { Collection } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import type { EndStatus } from './exit-status.ts';
import { wasOomKilled } from './oom.ts';
import type { RestartDecision } from './restart-policy.ts';
import { collectRun, endedWhileAway, type Run } from './run.ts';
import { prepareSpool, type RunRecord, runFiles } from './run-record.ts';
import type { ExitRecord } from './types.ts';

/** Lines of output that an exit event carries. */
const exitLines = 20;
/** The output of a run that ended is waited for no longer than this. */
const drainMs = 2000;

/** How a run ended, and what is left to tell of it. */
export interface Ended {
  readonly end: EndStatus;
  readonly timeMs: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly pid: number;
  readonly logLines: readonly string[];
  readonly oomKilled: boolean;
}

/** Why a run counts as failed, where it is not its exit: START_TIMEOUT, BINARY_NOT_FOUND, … */
export interface Failure {
  readonly reason: string;
  readonly message: string;
}

/** The account of a run whose program is gone: all of its output was read. */
export async function endOf(clock: Clock, run: Run, { end, atMs }: { readonly end: EndStatus; readonly atMs: number }): Promise<Ended> {
  await drained(clock, run.collection);
  const oomKilled = end.kind === 'signal' && end.signal === 'SIGKILL' && wasOomKilled(run.pid);
  const durationMs = Math.max(0, atMs - run.startedMs);
  const timeMs = clock.wallMs() - (clock.monotonicMs() - atMs);
  return { end, timeMs, atMs, durationMs, pid: run.pid, logLines: run.collection.lastLines(exitLines), oomKilled };
}

/** The account of a run that ended while there was no daemon. */
export async function endWhileAway(context: ProcessContext, unit: UnitSettings, record: RunRecord): Promise<Ended> {
  const { clock } = context;
  prepareSpool(runFiles(context.stateDir, unit.id), false);
  const collection = collectRun(context, unit, record.pid);
  await drained(clock, collection);
  const { status, timeMs } = endedWhileAway(context, record);
  const durationMs = Math.max(0, timeMs - record.startTimeMs);
  const logLines = collection.lastLines(exitLines);
  return { end: status, timeMs, atMs: clock.monotonicMs(), durationMs, pid: record.pid, logLines, oomKilled: false };
}

/** The account of a start that came to nothing. */
export function neverRan(clock: Clock): Ended {
  const atMs = clock.monotonicMs();
  return { end: { kind: 'unknown' }, timeMs: clock.wallMs(), atMs, durationMs: 0, pid: 0, logLines: [], oomKilled: false };
}

/** The end of a run that was terminated; only one that is stuck in the kernel keeps it back. */
export async function endedSoon(run: Run, clock: Clock): Promise<EndStatus> {
  return (await within(clock, 500, run.ended)) ? run.ended : { kind: 'unknown' };
}

async function drained(clock: Clock, collection: Collection): Promise<void> {
  await within(clock, drainMs, collection.drain());
}

/** What those who waited for the start are told. */
export function startFailure(id: string, ended: Ended, message: string): AgentError {
  const lines = ended.logLines.slice(-5).join('\n');
  const metadata = {
    process_id: id,
    ...(ended.end.kind === 'code' ? { exit_code: String(ended.end.code) } : {}),
    ...(ended.end.kind === 'signal' ? { signal: ended.end.signal } : {}),
  };
  return new AgentError('START_FAILED', lines === '' ? message : `${message}; its last lines:\n${lines}`, { metadata });
}

export function reasonOf(ended: Ended): string {
  if (ended.oomKilled) return 'OOM_KILLED';
  return ended.end.kind === 'code' ? 'EXIT_CODE' : ended.end.kind === 'signal' ? 'SIGNAL' : 'EXIT_UNKNOWN';
}

export function nextActionOf(decision: RestartDecision): string {
  switch (decision.kind) {
    case 'rest':
      return 'its restart policy leaves it as it is';
    case 'restart':
      return `it is started again in ${decision.delayMs / 1000} s`;
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
