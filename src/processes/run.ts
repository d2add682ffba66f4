import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import type { Collection } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { engines } from './engines/index.ts';
import { markerEntry, runEnvironment } from './environment.ts';
import type { EndStatus } from './exit-status.ts';
import { patiently } from './patiently.ts';
import { bootId, executableOf, hasEnvironment, isAlive, readStat } from './proc.ts';
import { isProven, prepareSpool, type RunRecord, readRecord, removeRecord, runFiles, writeRecord } from './run-record.ts';
import { type ProvenProcess, type RunTree, terminate } from './run-tree.ts';
import { type RunFiles, readExitFile, spawnProgram } from './spawner.ts';

/** One run of a program, started by this daemon or adopted from the one before. */
export interface Run {
  readonly pid: number;
  readonly startTimeMs: number;
  /** On the monotonic clock. */
  readonly startedMs: number;
  readonly tree: RunTree;
  readonly collection: Collection;
  /** Resolves when the program itself is gone; what it left behind may still live. */
  readonly ended: Promise<EndStatus>;
  /** Notes in the record that the startup was proved. */
  noteProved(): void;
}

/** How often an adopted program, whose parent we are not, is looked after. */
const adoptedPollMs = 100;

function proven(pid: number): ProvenProcess | undefined {
  const stat = pid > 0 ? readStat(pid) : undefined;
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks };
}

async function gone(program: ProvenProcess, clock: Clock): Promise<void> {
  while (isAlive(program)) await clock.sleep(adoptedPollMs);
}

export interface LaunchOptions {
  readonly unit: UnitSettings;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly restartCount: number;
  readonly fingerprint: string;
}

/** Starts a program. Throws what the operating system refuses with. */
export async function launchRun(context: ProcessContext, options: LaunchOptions): Promise<Run> {
  const { unit, argv, cwd } = options;
  const { clock } = context;
  const files = runFiles(context.stateDir, unit.id);
  const runId = randomBytes(12).toString('hex');
  await endForgotten(context, unit);
  prepareSpool(files, true);
  const startTimeMs = clock.wallMs();
  const startedMs = clock.monotonicMs();
  const intent: RunRecord = {
    version: 1,
    id: unit.id,
    runId,
    bootId: bootId(),
    pid: 0,
    startTicks: 0,
    leaderPid: 0,
    leaderStartTicks: 0,
    executable: '',
    startTimeMs,
    proved: false,
    restartCount: options.restartCount,
    fingerprint: options.fingerprint,
  };
  writeRecord(files, intent);
  const env = runEnvironment(context.environment, unit, runId);
  const spawned = await spawnProgram({ argv, env, cwd, runId, files }).catch((error: unknown) => {
    removeRecord(files); // nothing was started; of a failure after this the record has the mark
    throw error;
  });
  const [program, leader] = await patiently(clock, () => [proven(spawned.pid), proven(spawned.leader)]);
  const record: RunRecord = {
    ...intent,
    pid: spawned.pid,
    startTicks: program?.startTicks ?? 0,
    leaderPid: spawned.leader,
    leaderStartTicks: leader?.startTicks ?? 0,
    executable: executableOf(spawned.pid),
  };
  keepRecord(context, files, record);
  const ended = spawned.ended.then(async (status): Promise<EndStatus> => {
    if (program === undefined || !isAlive(program)) return status;
    await gone(program, clock); // someone killed the shim alone
    return { kind: 'unknown' };
  });
  const tree = { marker: markerEntry(unit.id, runId), leader, program };
  return { ...follow(context, unit, { files, record, tree }), startedMs, ended };
}

/** Takes over a program that is proven to be the recorded one. */
export function adoptRun(context: ProcessContext, unit: UnitSettings, record: RunRecord): Run {
  const { clock } = context;
  const files = runFiles(context.stateDir, unit.id);
  const program = { pid: record.pid, startTicks: record.startTicks };
  const tree = treeOf(record);
  prepareSpool(files, false);
  const ended = gone(program, clock).then(async () => {
    // The shim writes its file right after it has reaped the program.
    for (let tries = 0; tries < 20 && tree.leader !== undefined && isAlive(tree.leader); tries++) await clock.sleep(10);
    return readExitFile(files, record.runId) ?? ({ kind: 'unknown' } as const);
  });
  const startedMs = clock.monotonicMs() - Math.max(0, clock.wallMs() - record.startTimeMs);
  return { ...follow(context, unit, { files, record, tree }), startedMs, ended };
}

/** The run of a record, whether or not anything of it lives: only what is proven to belong to it may be signalled. */
export function treeOf(record: RunRecord): RunTree {
  const marker = markerEntry(record.id, record.runId);
  const leader = { pid: record.leaderPid, startTicks: record.leaderStartTicks };
  // The shim is a shell like any other: it is its mark that proves it.
  const led = record.bootId === bootId() && leader.pid > 0 && isAlive(leader) && hasEnvironment(leader.pid, marker);
  return {
    marker,
    leader: led ? leader : undefined,
    program: isProven(record, marker) ? { pid: record.pid, startTicks: record.startTicks } : undefined,
  };
}

/** What is known of a run that ended while there was no daemon. */
export function endedWhileAway(context: ProcessContext, record: RunRecord): { readonly status: EndStatus; readonly timeMs: number } {
  const files = runFiles(context.stateDir, record.id);
  const status = readExitFile(files, record.runId);
  const now = context.clock.wallMs();
  if (status === undefined) return { status: { kind: 'unknown' }, timeMs: now };
  return { status, timeMs: Math.min(now, Math.max(record.startTimeMs, statSync(files.exit).mtimeMs)) };
}

export function collectRun(context: ProcessContext, unit: UnitSettings, pid: number): Collection {
  const files = runFiles(context.stateDir, unit.id);
  const engine = unit.engine === undefined ? undefined : engines[unit.engine];
  return context.logs.collect({
    source: unit.id,
    pid,
    stdoutPath: files.stdout,
    stderrPath: files.stderr,
    ...(engine === undefined ? {} : { parse: (line: string) => engine.parse(line) }),
  });
}

interface Followed {
  readonly files: RunFiles;
  readonly record: RunRecord;
  readonly tree: RunTree;
}

function follow(context: ProcessContext, unit: UnitSettings, { files, record, tree }: Followed): Omit<Run, 'startedMs' | 'ended'> {
  return {
    pid: record.pid,
    startTimeMs: record.startTimeMs,
    tree,
    collection: collectRun(context, unit, record.pid),
    // By now the program has replaced the shell that launched it: its executable is its own.
    noteProved: () => keepRecord(context, files, { ...record, proved: true, executable: executableOf(record.pid) || record.executable }),
  };
}

/**
 * Notes what a run has come to. Where the disk refuses, the run goes on with the record that there is: at worst a later daemon
 * knows of it only that it was to be started, and ends it by its mark instead of adopting it.
 */
function keepRecord({ logger }: ProcessContext, files: RunFiles, record: RunRecord): void {
  try {
    writeRecord(files, record);
  } catch (error) {
    logger.warn({ process: record.id, error }, 'the record of a run could not be written');
  }
}

/** A record that is still there is of a run that could not be accounted for: there must be no second instance beside it. */
async function endForgotten({ stateDir, clock, logger }: ProcessContext, unit: UnitSettings): Promise<void> {
  const record = readRecord(runFiles(stateDir, unit.id));
  if (record === undefined) return;
  logger.warn({ process: unit.id, pid: record.pid }, 'a run that was not accounted for is ended');
  await terminate({ tree: treeOf(record), signal: 'SIGKILL', graceMs: 0, clock });
}
