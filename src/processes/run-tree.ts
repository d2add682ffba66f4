import type { Clock } from '../kernel/clock.ts';
import { hasEnvironment, isAlive, type ProcStat, processTable, readStat } from './proc.ts';
import { retryWhileExhausted } from './retry-while-exhausted.ts';
import { signalGroup, signalProcess } from './spawner.ts';
import type { UnitGroup } from './unit-group.ts';

/** A process that was proven to be the one it is taken for. */
export interface ProvenProcess {
  readonly pid: number;
  readonly startTicks: number;
}

/** What is known of everything that one run has started. */
export interface RunTree {
  /** `SBOXAGENT_UNIT=<id>:<run id>`: stands in the environment of all that the run started. */
  readonly marker: string;
  readonly leader: ProvenProcess | undefined;
  readonly program: ProvenProcess | undefined;
  /** The cgroup that all of it is in; undefined where it has none: then it is looked for in /proc. */
  readonly group: UnitGroup | undefined;
}

/** How long SIGKILL is repeated before what is left (stuck in the kernel) is given up. */
const killPhaseMs = 900;
/** The shim is left for last, a moment, because it knows best how the program ended. */
const leaderPatienceMs = 100;

/**
 * Everything of the run that lives. By its group, where it has one. Else what carries the marker, the leader's process group while
 * the leader is proven alive (a group's number is given to strangers after it), and all descendants of those.
 */
export async function findMembers(tree: RunTree): Promise<readonly ProcStat[]> {
  if (tree.group !== undefined) return tree.group.populated() ? tree.group.members().flatMap((pid) => readStat(pid) ?? []) : [];
  const table = await processTable();
  const roots = new Set<number>();
  for (const known of [tree.leader, tree.program]) if (known !== undefined && isAlive(known)) roots.add(known.pid);
  const group = tree.leader !== undefined && roots.has(tree.leader.pid) ? tree.leader.pid : undefined;
  for (const p of table) {
    if (p.pid !== process.pid && (p.group === group || hasEnvironment(p.pid, tree.marker))) roots.add(p.pid);
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const p of table) {
      if (roots.has(p.pid) || !roots.has(p.ppid)) continue;
      roots.add(p.pid);
      grown = true;
    }
  }
  return table.filter((p) => roots.has(p.pid) && readStat(p.pid)?.startTicks === p.startTicks);
}

export interface TerminateOptions {
  readonly tree: RunTree;
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  readonly clock: Clock;
  /** Fires to shorten the grace to nothing. */
  readonly hurry?: AbortSignal;
}

export interface Terminated {
  /** What could not be ended: normally nothing. */
  readonly left: readonly ProcStat[];
  /** It did not end by the signal in its time: SIGKILL did it. */
  readonly killed: boolean;
}

/**
 * Ends a run with all that it started: the signal to the whole process group and to what left it, the grace, then SIGKILL until
 * nothing is left. Returns at once when all is gone, and within grace + 1 s.
 */
export async function terminate(options: TerminateOptions): Promise<Terminated> {
  const { tree, signal, graceMs, clock } = options;
  const members = await retryWhileExhausted(clock, () => findMembers(tree));
  if (members.length === 0) return { left: [], killed: false };
  if (graceMs > 0 && signal !== 'SIGKILL') {
    const group = tree.leader !== undefined && signalGroup(tree.leader, signal) ? tree.leader.pid : undefined;
    for (const p of members) if (p.group !== group) signalProcess(p, signal);
    if (await endedInTime(options, members)) return { left: [], killed: false };
  }
  return { left: await kill(tree, clock), killed: true };
}

async function endedInTime({ tree, graceMs, clock, hurry }: TerminateOptions, members: readonly ProcStat[]): Promise<boolean> {
  const began = clock.monotonicMs();
  for (let pauseMs = 1; clock.monotonicMs() - began < graceMs && hurry?.aborted !== true; pauseMs = Math.min(50, pauseMs * 2)) {
    await clock.sleep(Math.min(pauseMs, Math.max(1, graceMs - (clock.monotonicMs() - began))));
    if (await allGone(tree, members, clock)) return true;
  }
  return false;
}

/** The dear look at all of /proc waits until what was known is gone. */
function allGone(tree: RunTree, members: readonly ProcStat[], clock: Clock): Promise<boolean> | boolean {
  const { group } = tree;
  if (group !== undefined) return retryWhileExhausted(clock, () => !group.populated());
  return !members.some(isAlive) && retryWhileExhausted(clock, async () => (await findMembers(tree)).length === 0);
}

async function kill(tree: RunTree, clock: Clock): Promise<readonly ProcStat[]> {
  const began = clock.monotonicMs();
  const spared = tree.leader?.pid === tree.program?.pid ? undefined : tree.leader?.pid;
  let pauseMs = 1;
  for (;;) {
    const members = await retryWhileExhausted(clock, () => findMembers(tree));
    const passedMs = clock.monotonicMs() - began;
    if (members.length === 0 || passedMs > killPhaseMs) return members;
    if (tree.group?.kill() !== true) {
      for (const p of members) if (p.pid !== spared || passedMs > leaderPatienceMs) signalProcess(p, 'SIGKILL');
    }
    await clock.sleep(pauseMs);
    pauseMs = Math.min(20, pauseMs * 2);
  }
}
