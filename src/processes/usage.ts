import { readdirSync, readFileSync, statSync } from 'node:fs';
import { descriptorsRanOut, readStat, ticksPerSecond } from './proc.ts';
import type { RunTree } from './run-tree.ts';

/** What a run uses at one moment: all processes of it that live, together. The shim is not the unit's. */
export interface RunUsage {
  /** Of those that live, and of their children that they have waited for, since each began. */
  readonly treeCpuSeconds: number;
  /** Of its cgroup, which also counts who left without being waited for; undefined where it has none. May be from before this run. */
  readonly groupCpuSeconds: number | undefined;
  /** Pages that several of them share count for each. */
  readonly residentMemoryBytes: number;
  readonly openFds: number;
  readonly threads: number;
}

/** Undefined where its program is gone. Throws when no descriptor is left to look with. */
export function readUsage({ program, leader, group }: RunTree): RunUsage | undefined {
  if (program === undefined || readStat(program.pid)?.startTicks !== program.startTicks) return undefined;
  const cpuMicros = group?.cpuMicros();
  const pids = group === undefined ? descendants(program.pid) : group.members().filter((pid) => pid !== leader?.pid || pid === program.pid);
  const each = pids.map(usageOf);
  const total = (figure: (usage: MemberUsage) => number): number => each.reduce((sum, usage) => sum + figure(usage), 0);
  return {
    treeCpuSeconds: total(({ cpuTicks }) => cpuTicks) / ticksPerSecond,
    groupCpuSeconds: cpuMicros === undefined ? undefined : cpuMicros / 1e6,
    residentMemoryBytes: total(({ residentBytes }) => residentBytes),
    openFds: total(({ openFds }) => openFds),
    threads: total(({ threads }) => threads),
  };
}

interface MemberUsage {
  readonly cpuTicks: number;
  readonly residentBytes: number;
  readonly openFds: number;
  readonly threads: number;
}

function usageOf(pid: number): MemberUsage {
  const stat = readStat(pid);
  const status = read(`/proc/${pid}/status`);
  return {
    cpuTicks: stat === undefined ? 0 : stat.cpuTicks + stat.childTicks,
    residentBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
    openFds: countDescriptors(pid),
    threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
  };
}

/** More of one unit are not looked at: a fork bomb must not hold up the agent as well. */
const maxMembers = 1000;

/** The process and all that descend from it, by what the kernel says of each thread's children (CONFIG_PROC_CHILDREN). */
function descendants(root: number): readonly number[] {
  const pids = [root];
  for (let i = 0; i < pids.length && pids.length < maxMembers; i++) {
    for (const task of threadsOf(pids[i] ?? 0)) {
      pids.push(...read(`/proc/${pids[i]}/task/${task}/children`).split(' ').filter(Boolean).map(Number));
    }
  }
  return pids;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (descriptorsRanOut(error)) throw error;
    return []; // gone meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (descriptorsRanOut(error)) throw error;
    return ''; // gone meanwhile, or not ours to read
  }
}

/** The size of the directory is their number; kernels before 6.2 say 0, and there each has to be listed. */
export function countDescriptors(pid: number): number {
  const path = `/proc/${pid}/fd`;
  try {
    return statSync(path).size || readdirSync(path).length;
  } catch {
    return 0; // another user's process: not ours to see
  }
}
