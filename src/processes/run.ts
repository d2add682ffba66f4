import { statSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import type { Collection } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { markerEntry, runEnvironment } from './environment.ts';
import type { EndStatus } from './exit-status.ts';
import { bootId, carriesMark, executableOf, isAlive, isBeforeExec, readStat } from './proc.ts';
import { readingLines } from './reading-lines.ts';
import { retryWhileExhausted } from './retry-while-exhausted.ts';
import { type ProvenProcess, type RunTree, terminate } from './run-tree.ts';
import { readExitFile } from './shim.ts';
import type { Spawned } from './spawner.ts';
import { freshSpools, isProven, prepareSpool, type RunRecord, runFiles } from './unit-record.ts';

/** A program on a disk that does not answer is not waited for longer. */
const longestExecMs = 1000;
/** The last and longest of the pauses, each twice the one before, that a program is given to come to rest. */
const longestPauseMs = 16;

/** How the program of a run ended, and when (monotonic ms). */
export interface RunEnd {
  readonly end: EndStatus;
  readonly atMs: number;
}

/** One run of a program, started by this daemon or adopted from the one before. */
export interface Run {
  readonly runId: string;
  readonly pid: number;
  readonly startTimeMs: number;
  /** On the monotonic clock. */
  readonly startedMs: number;
  readonly tree: RunTree;
  /** Started by the daemon before this one. */
  readonly adopted: boolean;
  readonly collection: Collection;
  /** Resolves when the program itself is gone; what it left behind may still live. Never, after `release`. */
  readonly ended: Promise<RunEnd>;
  /** How many of its processes the kernel has killed for want of memory since it began, as far as its cgroup counts them. */
  oomKills(): number;
  /** Nothing is looked after any more: the daemon ends, the program goes on. */
  release(): void;
}

/** The kernel's own ceiling is above the unit's by this: what grows slowly is ended in peace (memory-monitor.ts), what leaps is killed. */
const kernelCeiling = 1.25;

/** How often a program whose parent we are not is looked after. */
const adoptedPollMs = 100;

function proven(pid: number): ProvenProcess | undefined {
  const stat = pid > 0 ? readStat(pid) : undefined;
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks };
}

/** Polls until the program is gone; the signal ends that too, so that no timer keeps the daemon from ending. */
async function gone(program: ProvenProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  while (isAlive(program)) await clock.sleep(adoptedPollMs, signal);
}

export interface LaunchOptions {
  readonly unit: UnitSettings;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The run as it was written down before: its id, and no pid yet. */
  readonly intent: RunRecord;
}

export interface Launched {
  readonly run: Run;
  readonly record: RunRecord;
}

/** Starts a program. Throws what the operating system refuses with. */
export async function launchRun(context: ProcessContext, { unit, argv, cwd, intent }: LaunchOptions): Promise<Launched> {
  const { clock } = context;
  const files = runFiles(context.stateDir, unit.id);
  const { runId } = intent;
  const group = context.groups.find(intent.group);
  const { memoryBytes } = unit.limits;
  group?.limitMemory(memoryBytes === undefined ? undefined : Math.ceil(memoryBytes * kernelCeiling));
  const killsBefore = group?.oomKills() ?? 0;
  const startedMs = clock.monotonicMs();
  const env = runEnvironment(context.environment, unit, runId);
  freshSpools(files);
  const marker = markerEntry(unit.id, runId);
  const request = { argv, env, cwd, unitId: unit.id, runId, files, umask: unit.umask, group: group?.path ?? '' };
  const spawned = await context.programs.spawn(request, () => sweep(clock, { marker, group }));
  await retryWhileExhausted(clock, () => programBegun(clock, spawned));
  const [program, leader] = await retryWhileExhausted(clock, () => [proven(spawned.pid), proven(spawned.leader)]);
  const record: RunRecord = {
    ...intent,
    pid: spawned.pid,
    startTicks: program?.startTicks ?? 0,
    leaderPid: spawned.leader,
    leaderStartTicks: leader?.startTicks ?? 0,
    executable: executableOf(spawned.pid),
    group: spawned.joined ? (group?.path ?? '') : '',
  };
  const released = new AbortController();
  const ended = spawned.ended.then(async (end): Promise<RunEnd> => {
    if (program === undefined || !isAlive(program)) return { end, atMs: clock.monotonicMs() };
    await gone(program, clock, released.signal); // someone killed the shim alone
    return { end: { kind: 'unknown' }, atMs: clock.monotonicMs() };
  });
  const tree = { marker, leader, program, group: spawned.joined ? group : undefined };
  return {
    run: {
      ...follow(context, unit, record),
      startedMs,
      tree,
      adopted: false,
      ended,
      oomKills: () => (group?.oomKills() ?? 0) - killsBefore,
      release: () => released.abort(),
    },
    record,
  };
}

/**
 * A shim that says the pid of its program is not its program yet, and a shell that is to become another program is not that one. So a start is told
 * when the program waits for something for the first time, or has computed for a while.
 */
async function programBegun(clock: Clock, { pid, leader }: Pick<Spawned, 'pid' | 'leader'>): Promise<void> {
  if (pid === leader) return;
  const beganMs = clock.monotonicMs();
  while (isBeforeExec(pid, leader) && clock.monotonicMs() - beganMs < longestExecMs) await clock.sleep(1);
  for (let pauseMs = 1; pauseMs <= longestPauseMs && isComputing(pid); pauseMs *= 2) await clock.sleep(pauseMs);
}

/** Or waits for a page of its own text. */
function isComputing(pid: number): boolean {
  const state = readStat(pid)?.state;
  return state === 'R' || state === 'D';
}

/** Ends what may have been started of a run that nobody knows a pid of. */
function sweep(clock: Clock, { marker, group }: Pick<RunTree, 'marker' | 'group'>): Promise<unknown> {
  const tree = { marker, group, leader: undefined, program: undefined };
  return terminate({ tree, signal: 'SIGKILL', graceMs: 0, clock });
}

/** The run of a record: taken over where the program is proven to live, else with the end that it had while there was no daemon. */
export function adoptRun(context: ProcessContext, unit: UnitSettings, record: RunRecord): Run {
  const { clock } = context;
  const files = runFiles(context.stateDir, unit.id);
  const tree = treeOf(context, record);
  prepareSpool(files);
  const released = new AbortController();
  const { program, group } = tree;
  const killsBefore = group?.oomKills() ?? 0;
  const seen = async (living: ProvenProcess): Promise<RunEnd> => {
    await gone(living, clock, released.signal);
    // The shim writes its file right after it has reaped the program.
    for (let tries = 0; tries < 20 && tree.leader !== undefined && isAlive(tree.leader); tries++) await clock.sleep(10);
    return { end: readExitFile(files, record.runId) ?? { kind: 'unknown' }, atMs: clock.monotonicMs() };
  };
  return {
    ...follow(context, unit, record),
    startedMs: clock.monotonicMs() - Math.max(0, clock.wallMs() - record.startTimeMs),
    tree,
    adopted: true,
    ended: program === undefined ? Promise.resolve(endedWhileAway(context, record)) : seen(program),
    oomKills: () => (group?.oomKills() ?? 0) - killsBefore,
    release: () => released.abort(),
  };
}

/** The run of a record, whether or not anything of it lives: only what is proven to belong to it may be signalled. */
export function treeOf({ groups }: Pick<ProcessContext, 'groups'>, record: RunRecord): RunTree {
  const marker = markerEntry(record.id, record.runId);
  const group = record.bootId === bootId() ? groups.find(record.group) : undefined;
  const leader = { pid: record.leaderPid, startTicks: record.leaderStartTicks };
  // Its executable proves nothing, many programs are of that one: it is its mark that proves it.
  const led = record.bootId === bootId() && leader.pid > 0 && isAlive(leader) && carriesMark(leader.pid, marker);
  return {
    marker,
    leader: led ? leader : undefined,
    program: isProven(record, marker, group) ? { pid: record.pid, startTicks: record.startTicks } : undefined,
    group,
  };
}

/** What is known of a run that ended while there was no daemon: by the shim's file, which it wrote at the end. */
function endedWhileAway({ stateDir, clock }: ProcessContext, record: RunRecord): RunEnd {
  const files = runFiles(stateDir, record.id);
  const end = readExitFile(files, record.runId);
  if (end === undefined) return { end: { kind: 'unknown' }, atMs: clock.monotonicMs() };
  const agoMs = clock.wallMs() - Math.max(record.startTimeMs, statSync(files.exit).mtimeMs);
  return { end, atMs: clock.monotonicMs() - Math.max(0, agoMs) };
}

function follow(context: ProcessContext, unit: UnitSettings, record: RunRecord): Pick<Run, 'runId' | 'pid' | 'startTimeMs' | 'collection'> {
  const files = runFiles(context.stateDir, unit.id);
  const collection = context.logs.collect({
    source: unit.id,
    pid: record.pid,
    stdoutPath: files.stdout,
    stderrPath: files.stderr,
    ...readingLines(unit, context.path),
  });
  return { runId: record.runId, pid: record.pid, startTimeMs: record.startTimeMs, collection };
}
