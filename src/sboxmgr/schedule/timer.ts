import type { Clock } from '../../kernel/clock.ts';
import { parseCron } from '../../settings/index.ts';
import type { SboxmgrSettings } from '../../settings/types.ts';

/** The clock is looked at again at least this often: a wall clock that was set, or a machine that slept, moves no run far. */
const sliceMs = 30_000;

export interface TimerOptions {
  readonly settings: SboxmgrSettings['schedule'];
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly due: () => void;
}

/**
 * Calls `due` at every time of the schedule, delayed by the jitter, until the answer is called. Intervals are measured by the clock that never
 * jumps, cron lines mean the wall clock of this machine. Throws RangeError on a cron line that means nothing or never comes.
 */
export function startTimer({ settings, clock, random, due }: TimerOptions): () => void {
  const next = settings.cron === undefined ? every(settings.intervalMs ?? 0, clock) : atTimes(settings.cron, clock);
  let cancel = (): void => {};
  let leftMs = next();
  const arm = (delayMs: number): void => {
    const untilMs = clock.monotonicMs() + delayMs;
    const wait = (): void => {
      const restMs = untilMs - clock.monotonicMs();
      if (restMs > 0) cancel = clock.after(Math.min(restMs, sliceMs), wait);
      else ring();
    };
    wait();
  };
  const ring = (): void => {
    due();
    pause();
  };
  /** Until the time itself, then the jitter. */
  const pause = (): void => {
    leftMs = next();
    if (leftMs > 0) cancel = clock.after(Math.min(leftMs, sliceMs), pause);
    else arm(random() * settings.jitterMs);
  };
  cancel = clock.after(Math.min(leftMs, sliceMs), pause);
  return () => cancel();
}

/** What is left until the next time, in milliseconds; at or below 0 it has come, once. */
type Left = () => number;

function every(intervalMs: number, clock: Clock): Left {
  let nextMs = clock.monotonicMs() + intervalMs;
  return () => {
    const now = clock.monotonicMs();
    const left = nextMs - now;
    // Times that were missed (the machine slept) are not made up for.
    if (left <= 0) nextMs += Math.ceil((now - nextMs + 1) / intervalMs) * intervalMs;
    return left;
  };
}

function atTimes(line: string, clock: Clock): Left {
  const cron = parseCron(line, clock.wallMs());
  const after = (wallMs: number): number => cron.nextRun(new Date(wallMs))?.getTime() ?? Number.POSITIVE_INFINITY;
  let seenMs = clock.wallMs();
  let nextMs = after(seenMs);
  return () => {
    const now = clock.wallMs();
    // Set back: the time that was waited for may lie far ahead.
    if (now < seenMs) nextMs = after(now);
    seenMs = now;
    const left = nextMs - now;
    if (left <= 0) nextMs = after(now);
    return left;
  };
}
