import type { Clock } from '../kernel/clock.ts';
import type { Run } from './run.ts';
import type { ProcessResources } from './types.ts';
import { type RunUsage, readUsage } from './usage.ts';

/** Who asks sooner is given the newest look: it costs the event loop, and callers come as they like. */
const freshMs = 1000;

interface Reading {
  readonly atMs: number;
  readonly usage: RunUsage | undefined;
  /** undefined: it was gone, or no descriptor was left to look with. */
  readonly figures: ProcessResources | undefined;
  /** The newest figures that there were, and when. */
  readonly last: { readonly figures: ProcessResources; readonly atMs: number } | undefined;
}

export interface ResourceReader {
  /** For callers: the newest figures, of at most a second ago; undefined when it does not run. */
  read(run: Run): ProcessResources | undefined;
  /** Takes the sample of a metrics interval. */
  sample(run: Run): void;
  /** For metrics: the sample of this interval, whoever asks and however often; a run that has none yet is sampled first. */
  sampled(run: Run): ProcessResources | undefined;
  /** The newest that was seen, however old, also of a run that has ended; undefined when there was nothing. */
  newest(run: Run): ProcessResources | undefined;
}

/**
 * Figures of runs, each with all of its processes. The CPU ratio is the share of one core since the reading before (the first:
 * since the start). Callers and metrics have readings of their own, because who reads more often would shorten the span of the other.
 */
export function createResourceReader(clock: Clock): ResourceReader {
  const [asked, samples] = [new WeakMap<Run, Reading>(), new WeakMap<Run, Reading>()];
  const take = (readings: WeakMap<Run, Reading>, run: Run): ProcessResources | undefined => {
    const reading = readNow(run, readings.get(run), clock.monotonicMs());
    readings.set(run, reading);
    return reading.figures;
  };
  return {
    read(run) {
      const last = asked.get(run);
      return last !== undefined && clock.monotonicMs() - last.atMs < freshMs ? last.figures : take(asked, run);
    },
    sample: (run) => void take(samples, run),
    sampled(run) {
      const last = samples.get(run);
      return last === undefined ? take(samples, run) : last.figures;
    },
    newest(run) {
      const [a, b] = [asked.get(run)?.last, samples.get(run)?.last];
      return (a?.atMs ?? -1) > (b?.atMs ?? -1) ? a?.figures : b?.figures;
    },
  };
}

function readNow(run: Run, before: Reading | undefined, atMs: number): Reading {
  const usage = usageOf(run);
  if (usage === undefined) return { atMs, usage: before?.usage, figures: undefined, last: before?.last };
  const { residentMemoryBytes, openFds, threads } = usage;
  const spanSeconds = Math.max(0.01, (atMs - (before?.atMs ?? run.startedMs)) / 1000); // the kernel counts in hundredths
  const cpuUsageRatio = Math.max(0, cpuSince(usage, before?.usage)) / spanSeconds;
  const figures = { cpuUsageRatio, residentMemoryBytes, openFds, threads };
  return { atMs, usage, figures, last: { figures, atMs } };
}

/** A group may have counted runs before this one: it tells between two readings, and the processes themselves tell at the first. */
function cpuSince(usage: RunUsage, before: RunUsage | undefined): number {
  if (usage.groupCpuSeconds !== undefined && before?.groupCpuSeconds !== undefined) return usage.groupCpuSeconds - before.groupCpuSeconds;
  return usage.treeCpuSeconds - (before?.treeCpuSeconds ?? 0);
}

function usageOf({ tree }: Run): RunUsage | undefined {
  try {
    return readUsage(tree);
  } catch {
    return undefined;
  }
}
