import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import { readStat, ticksPerSecond } from './proc.ts';
import type { Run } from './run.ts';
import type { ProcessResources } from './types.ts';

/** Who asks sooner is given the newest sample: a look costs the event loop, and callers and scrapes come as they like. */
const sampleMs = 1000;

interface Look {
  readonly atMs: number;
  readonly cpuSeconds: number;
  /** undefined: it was gone, or no descriptor was left to look with. */
  readonly figures: ProcessResources | undefined;
  /** The newest figures that there were. */
  readonly last: ProcessResources | undefined;
}

export interface ResourceReader {
  /** The newest figures, of at most a second ago; undefined when it does not run. */
  read(run: Run): ProcessResources | undefined;
  /** The newest sample that was taken, however old, also of a run that has ended; undefined when there was none. */
  newest(run: Run): ProcessResources | undefined;
}

/**
 * Figures of runs: of everything in its group where the run has one, else of the program itself by /proc. Sampled when somebody
 * asks, once a second at most, whoever asks; a run that nobody asks about costs nothing. The CPU ratio is the share of one core
 * since the sample before (the first: since the start).
 */
export function createResourceReader(clock: Clock): ResourceReader {
  const looks = new WeakMap<Run, Look>();
  return {
    read(run) {
      const atMs = clock.monotonicMs();
      const last = looks.get(run) ?? { atMs: run.startedMs, cpuSeconds: 0, figures: undefined, last: undefined };
      if (looks.has(run) && atMs - last.atMs < sampleMs) return last.figures;
      const taken = sample(run, last, atMs);
      looks.set(run, { atMs, ...taken, last: taken.figures ?? last.last });
      return taken.figures;
    },
    newest: (run) => looks.get(run)?.last,
  };
}

function sample(run: Run, last: Look, atMs: number): Omit<Look, 'atMs' | 'last'> {
  const { program, group } = run.tree;
  try {
    const stat = program === undefined ? undefined : readStat(program.pid);
    if (stat === undefined || stat.startTicks !== program?.startTicks) return { cpuSeconds: last.cpuSeconds, figures: undefined };
    const usage = group?.usage();
    const cpuSeconds = usage === undefined ? stat.cpuTicks / ticksPerSecond : usage.cpuMicros / 1e6;
    const spanSeconds = Math.max(0.01, (atMs - last.atMs) / 1000); // the kernel counts in hundredths
    const status = readFileSync(`/proc/${run.pid}/status`, 'latin1');
    const figures = {
      cpuUsageRatio: Math.max(0, cpuSeconds - last.cpuSeconds) / spanSeconds,
      residentMemoryBytes: usage?.memoryBytes ?? Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
      openFds: countDescriptors(run.pid),
      threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
    };
    return { cpuSeconds, figures };
  } catch {
    return { cpuSeconds: last.cpuSeconds, figures: undefined };
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
