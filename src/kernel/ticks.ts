/** Intervals from this length on share one timer: what an idle program costs is its wake-ups, not what it does in them. */
export const tickMs = 250;

interface Job {
  readonly everyMs: number;
  readonly fn: () => void;
  dueMs: number;
}

/** Runs jobs of many intervals on the ticks of one timer, which is there while there is a job. */
export interface Ticks {
  /** Runs `fn` on the tick that is nearest to each `everyMs` (at least `tickMs`) from now on. Answers how to stop. */
  add(everyMs: number, fn: () => void): () => void;
}

/** `nowMs` and `every` are the time that the ticks stand on. */
export function createTicks(nowMs: () => number, every: (ms: number, fn: () => void) => () => void): Ticks {
  const jobs = new Set<Job>();
  let stop: (() => void) | undefined;
  const tick = (): void => {
    const now = nowMs();
    for (const job of jobs) {
      if (now + tickMs / 2 < job.dueMs) continue;
      // One that is late (the machine slept) runs once, and goes on from here.
      job.dueMs += job.everyMs;
      if (job.dueMs <= now) job.dueMs = now + job.everyMs;
      run(job.fn);
    }
  };
  return {
    add(everyMs, fn) {
      const job: Job = { everyMs, fn, dueMs: nowMs() + everyMs };
      jobs.add(job);
      stop ??= every(tickMs, tick);
      return () => {
        jobs.delete(job);
        if (jobs.size > 0) return;
        stop?.();
        stop = undefined;
      };
    },
  };
}

/** A job that fails is an uncaught error, as in a timer of its own, and no matter of the others. */
function run(fn: () => void): void {
  try {
    fn();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
