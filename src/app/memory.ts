import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../kernel/clock.ts';
import { collectGarbage } from '../kernel/collect.ts';

const checkEveryMs = 1000;
/** So many checks in a row without work are a quiet moment: nobody waits for an answer while it lasts. */
const quietChecks = 5;
/** A share of the time below which the agent counts as idle. */
const quietShare = 0.1;
/** Less than this is not worth the pause. */
const worthBytes = 24 << 20;

export interface MemoryOptions {
  readonly clock: Clock;
  /** Share of the time that the event loop worked since it was asked last, 0 to 1. */
  readonly busy: () => number;
  /** Resident memory, bytes; undefined where it cannot be read now. */
  readonly residentBytes: () => number | undefined;
  /** Gives back what the heap holds and does not use. */
  readonly collect: () => void;
}

/**
 * Gives memory back in quiet moments: V8 keeps what a start, or a flood, made it take (the young generation alone grows to 48 MiB), for as
 * long as nothing presses. A fifth of the agent's memory is that. Answers how to stop.
 */
export function giveMemoryBack({ clock, busy, residentBytes, collect }: MemoryOptions): () => void {
  let quiet = 0;
  let least = 0;
  return clock.every(checkEveryMs, () => {
    quiet = busy() < quietShare ? quiet + 1 : 0;
    if (quiet < quietChecks) return;
    quiet = 0;
    const before = residentBytes();
    if (before === undefined) return;
    if (before - least >= worthBytes) {
      collect();
      least = residentBytes() ?? before;
    } else least = Math.min(least, before);
  });
}

/**
 * Node keeps what belonged to a stream of HTTP/2 until the next full collection: these come when the heap has grown by 40 %, or a storm of
 * short streams takes 80 MB beyond what it needs. Not on the command line: Node throws away the compiled code of its own modules, which it
 * brings along, where V8 has other flags than that code was compiled with, and a start costs 40 ms of CPU more.
 */
export function collectOften(): void {
  setFlagsFromString('--heap-growing-percent=40');
}

/**
 * V8 makes its best code of what ran 3,000 times. For an agent that has little to do that costs more than it ever gives back: a fifth to a third of
 * the CPU time of its first ten thousand calls. What runs 20,000 times still gets it.
 */
export function optimizeLate(): void {
  setFlagsFromString('--invocation-count-for-turbofan=20000');
}

/** What this process is like; `threads` ask its threads to give back theirs. */
export function ownMemory(clock: Clock, threads: () => void = () => {}): MemoryOptions {
  let last = performance.eventLoopUtilization();
  return {
    clock,
    busy() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    residentBytes() {
      try {
        return process.memoryUsage.rss();
      } catch {
        // No descriptor is left to read it with.
        return undefined;
      }
    },
    collect() {
      threads();
      collectGarbage();
    },
  };
}
