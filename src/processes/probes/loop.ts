import type { Clock } from '../../kernel/clock.ts';
import type { UnitProbe } from '../../settings/types.ts';
import { countResult, nextDueMs, type ProbeCounts } from './counts.ts';
import type { ProbeResult } from './types.ts';

export interface ProbeLoop {
  readonly probe: UnitProbe;
  /** Where it stands as it begins. */
  readonly counts: ProbeCounts;
  readonly clock: Clock;
  /** Ends it, also in the middle of a runOnce. */
  readonly signal: AbortSignal;
  readonly runOnce: () => Promise<ProbeResult>;
  /** Told of every runOnce, in order; false ends the loop. */
  readonly counted: (counts: ProbeCounts, result: ProbeResult, before: ProbeCounts) => boolean;
}

/** Looks, again and again, one runOnce after the other, until it is told to end or the signal fires. Rejects with the signal's reason. */
export async function loopProbe({ probe, counts: first, clock, signal, runOnce, counted }: ProbeLoop): Promise<void> {
  let counts = first;
  let dueMs = clock.monotonicMs() + probe.initialDelayMs;
  for (;;) {
    await clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), signal);
    const result = await runOnce();
    signal.throwIfAborted();
    const before = counts;
    counts = countResult(probe, counts, result.ok);
    if (!counted(counts, result, before)) return;
    dueMs = nextDueMs(probe, dueMs, clock.monotonicMs());
  }
}
