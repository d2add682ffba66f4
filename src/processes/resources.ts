import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import { isAlive, readStat, ticksPerSecond } from './proc.ts';
import type { Run } from './run.ts';
import type { ProcessResources } from './types.ts';

/** Two looks closer than this give one figure: the kernel counts in hundredths of a second. */
const minSpanMs = 250;

interface Look {
  readonly atMs: number;
  readonly cpuTicks: number;
  readonly ratio: number;
}

/** Figures of programs by /proc. The ratio is the share of one core since the last look (the first: since the start). */
export function createResourceReader(clock: Clock): { read(run: Run): ProcessResources | undefined } {
  const looks = new WeakMap<Run, Look>();
  const ratio = (run: Run, cpuTicks: number): number => {
    const last = looks.get(run) ?? { atMs: run.startedMs, cpuTicks: 0, ratio: 0 };
    const atMs = clock.monotonicMs();
    if (atMs - last.atMs < minSpanMs) return last.ratio;
    const now = Math.max(0, (cpuTicks - last.cpuTicks) / ticksPerSecond / ((atMs - last.atMs) / 1000));
    looks.set(run, { atMs, cpuTicks, ratio: now });
    return now;
  };
  return {
    read(run) {
      const { program } = run.tree;
      if (program === undefined || !isAlive(program)) return undefined;
      try {
        const status = readFileSync(`/proc/${run.pid}/status`, 'latin1');
        return {
          cpuUsageRatio: ratio(run, readStat(run.pid)?.cpuTicks ?? 0),
          residentMemoryBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
          openFds: countFds(run.pid),
          threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
        };
      } catch {
        return undefined; // gone between the looks, or no descriptor left to look with
      }
    },
  };
}

function countFds(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // another user's process: not ours to see
  }
}
