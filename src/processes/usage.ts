import { readdirSync, statSync } from 'node:fs';
import { readKernelFile } from './kernel-file.ts';
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
  const own = program === undefined ? undefined : readStat(program.pid);
  if (program === undefined || own === undefined || own.startTicks !== program.startTicks) return undefined;
  const cpuMicros = group?.cpuMicros();
  const usage = { cpuTicks: 0, residentMemoryBytes: 0, openFds: 0, threads: 0 };
  for (const pid of group?.members() ?? descendants(program.pid)) {
    if (pid === leader?.pid && pid !== program.pid) continue;
    const stat = pid === program.pid ? own : readStat(pid);
    if (stat === undefined) continue;
    usage.cpuTicks += stat.cpuTicks + stat.childTicks;
    usage.residentMemoryBytes += stat.residentBytes || exactResidentBytes(pid);
    usage.threads += stat.threads;
    usage.openFds += countDescriptors(pid);
  }
  const { cpuTicks, ...figures } = usage;
  return {
    ...figures,
    treeCpuSeconds: cpuTicks / ticksPerSecond,
    groupCpuSeconds: cpuMicros === undefined ? undefined : cpuMicros / 1e6,
  };
}

/** The kernel's quick figure is gathered by core and may be 0 for a small process: this one it counts when asked. */
function exactResidentBytes(pid: number): number {
  return 1024 * Number(/^Rss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** More of one unit are not counted: a fork bomb must not hold up the agent as well. */
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
    return readKernelFile(path);
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
