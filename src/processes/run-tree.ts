import type { Clock } from '../kernel/clock.ts';
import { patiently } from './patiently.ts';
import { hasEnvironment, isAlive, type ProcStat, processTable, readStat } from './proc.ts';
import { signalGroup, signalProcess } from './spawner.ts';

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
}

/** How long SIGKILL is repeated before what is left (stuck in the kernel) is given up. */
const killPhaseMs = 900;

/**
 * Everything of the run that lives: what carries the marker, the leader's group while the leader is proven alive (a group's
 * number is given to strangers after it), and all descendants of those.
 */
export async function findMembers(tree: RunTree): Promise<readonly ProcStat[]> {
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

/**
 * Ends a run with all that it started: the signal to the whole group and to what left it, the grace, then SIGKILL until nothing
 * is left. Returns at once when all is gone, and within grace + 1 s. The answer is what could not be ended: normally nothing.
 */
export async function terminate({ tree, signal, graceMs, clock, hurry }: TerminateOptions): Promise<readonly ProcStat[]> {
  let members = await patiently(clock, () => findMembers(tree));
  if (members.length === 0) return members;
  const began = clock.monotonicMs();
  if (graceMs > 0 && signal !== 'SIGKILL') {
    const group = tree.leader !== undefined && signalGroup(tree.leader, signal) ? tree.leader.pid : undefined;
    for (const p of members) if (p.group !== group) signalProcess(p, signal);
    for (let pauseMs = 5; clock.monotonicMs() - began < graceMs && hurry?.aborted !== true; pauseMs = Math.min(50, pauseMs * 2)) {
      if (!members.some(isAlive)) {
        members = await patiently(clock, () => findMembers(tree));
        if (members.length === 0) return members;
      }
      await clock.sleep(Math.min(pauseMs, Math.max(1, graceMs - (clock.monotonicMs() - began))));
    }
  }
  return kill(tree, clock);
}

/** The shim is left for last, a moment, because it knows best how the program ended. */
const leaderPatienceMs = 100;

async function kill(tree: RunTree, clock: Clock): Promise<readonly ProcStat[]> {
  const began = clock.monotonicMs();
  const spared = tree.leader?.pid === tree.program?.pid ? undefined : tree.leader?.pid;
  for (;;) {
    const members = await patiently(clock, () => findMembers(tree));
    const passedMs = clock.monotonicMs() - began;
    if (members.length === 0 || passedMs > killPhaseMs) return members;
    for (const p of members) if (p.pid !== spared || passedMs > leaderPatienceMs) signalProcess(p, 'SIGKILL');
    await clock.sleep(5);
  }
}
