import { randomBytes } from 'node:crypto';
import { AgentError } from '../kernel/errors.ts';
import { within } from '../kernel/within.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { type Ended, endOf, type Failure, neverRan } from './ended.ts';
import { fingerprintOf, planRun } from './plan.ts';
import { bootId } from './proc.ts';
import { type Launched, launchRun, type Run, type RunEnd } from './run.ts';
import { type RunTree, terminate } from './run-tree.ts';
import type { RunRecord } from './unit-record.ts';

/** What a main program that ended by itself left behind gets this long between the stop signal and SIGKILL. */
const leftoverGraceMs = 1000;
/** The end of a terminated program is waited for so long; only one that is stuck in the kernel keeps it back. */
const reapMs = 500;

/** A run that is about to be started, as it is written down before. */
export function intendRun(context: Pick<ProcessContext, 'clock' | 'groups'>, unit: UnitSettings): RunRecord {
  return {
    id: unit.id,
    runId: randomBytes(12).toString('hex'),
    bootId: bootId(),
    pid: 0,
    startTicks: 0,
    leaderPid: 0,
    leaderStartTicks: 0,
    executable: '',
    group: context.groups.open(unit.id)?.path ?? '',
    startTimeMs: context.clock.wallMs(),
    fingerprint: fingerprintOf(unit),
  };
}

export type SpawnOutcome = ({ readonly ok: true } & Launched) | { readonly ok: false; readonly failure: Failure; readonly ended: Ended };

/** Starts the program of a unit. Never throws: what is refused, and by whom, is the outcome. */
export async function spawnRun(
  context: ProcessContext,
  unit: UnitSettings,
  {
    intent,
    obstacle,
  }: { readonly intent: RunRecord /** Why it could not be written down, if it could not. */; readonly obstacle: unknown },
): Promise<SpawnOutcome> {
  try {
    // A run that no later daemon would know of must not begin.
    if (obstacle !== undefined) throw obstacle;
    return { ok: true, ...(await launchRun(context, { unit, ...planRun(context, unit), intent })) };
  } catch (error) {
    return { ok: false, failure: spawnFailure(context, unit.id, error), ended: neverRan(context.clock) };
  }
}

function spawnFailure({ logger }: ProcessContext, id: string, error: unknown): Failure {
  if (error instanceof AgentError) return { reason: error.reason, message: error.message, error };
  logger.warn({ process: id, error }, 'a process could not be spawned');
  const cause = (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
  const message = `${id} was not started: ${cause}`;
  const failure = new AgentError('START_FAILED', message, { metadata: { process_id: id }, cause: error });
  return { reason: 'SPAWN_FAILED', message, error: failure };
}

/** Ends what a main program that ended by itself left behind, as systemd does with the control group. Never throws. */
export async function cleanRun(context: ProcessContext, unit: UnitSettings, tree: RunTree): Promise<void> {
  await endTree(context, unit, { tree, graceMs: Math.min(leftoverGraceMs, unit.stop.graceMs) });
}

interface EndTree {
  readonly tree: RunTree;
  readonly graceMs: number;
  readonly hurry?: AbortSignal;
}

/** Whether SIGKILL was needed. */
async function endTree({ clock, logger }: ProcessContext, unit: UnitSettings, options: EndTree): Promise<boolean> {
  try {
    const { left, killed } = await terminate({ ...options, signal: unit.stop.signal, clock });
    if (left.length > 0) logger.error({ process: unit.id, pids: left.map((p) => p.pid) }, 'processes of a run could not be ended');
    return killed;
  } catch (error) {
    logger.error({ process: unit.id, error }, 'processes of a run could not be looked for');
    return false;
  }
}

export interface TerminateRun {
  readonly run: Run;
  readonly graceMs: number;
  /** Fires to shorten the grace to nothing. */
  readonly hurry: AbortSignal;
}

/** Ends a run with all that it started, and accounts for it. Never throws. */
export async function terminateRun(context: ProcessContext, unit: UnitSettings, { run, graceMs, hurry }: TerminateRun): Promise<Ended> {
  const { clock, resources } = context;
  resources.read(run); // what it held when it was ended is told with its end
  const killed = await endTree(context, unit, { tree: run.tree, graceMs, hurry });
  const reaped = await within(clock, reapMs, run.ended);
  const seen: RunEnd = reaped ? await run.ended : { end: { kind: 'unknown' }, atMs: clock.monotonicMs() };
  // The shim may have been killed with the program, before it could write down what we know.
  const end: RunEnd = killed && seen.end.kind === 'unknown' ? { ...seen, end: { kind: 'signal', signal: 'SIGKILL' } } : seen;
  return accountRun(context, unit.id, { run, end });
}

/** The account of a run whose program is gone. Never throws: a fault of ours costs the last lines, not the step. */
export async function accountRun(
  context: ProcessContext,
  id: string,
  { run, end }: { readonly run: Run; readonly end: RunEnd },
): Promise<Ended> {
  const { clock, logger } = context;
  try {
    const [ended, configDiff] = await Promise.all([endOf(context, run, end), configDiffOf(context, id)]);
    return { ...ended, configDiff };
  } catch (error) {
    logger.error({ pid: run.pid, error }, 'a run could not be accounted for in full');
    return { ...neverRan(clock), runId: run.runId, pid: run.pid, end: end.end, durationMs: Math.max(0, end.atMs - run.startedMs) };
  }
}

/** Reading two texts is done in moments; a disk that hangs must not keep the account back. */
const diffPatienceMs = 500;

async function configDiffOf({ clock, configs }: ProcessContext, id: string): Promise<string> {
  const diff = configs?.diffToLastGood(id);
  if (diff === undefined || !(await within(clock, diffPatienceMs, diff))) return '';
  return diff.catch(() => '');
}
