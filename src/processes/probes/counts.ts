import type { UnitProbe } from '../../settings/types.ts';

export type ProbeNumbers = Pick<UnitProbe, 'initialDelayMs' | 'periodMs' | 'successThreshold' | 'failureThreshold'>;

/** Where a probe stands. A pure function of its numbers and its results, so that it can be written down and taken up again. */
export interface ProbeCounts {
  /** Whether it holds: what its last threshold that was reached says. */
  readonly passing: boolean;
  /** Successes in a row; counted no further than the threshold, so that a steady state changes nothing. */
  readonly successes: number;
  /** Failures in a row; the same. */
  readonly failures: number;
}

/** Before any look: a readiness or startup probe does not hold yet, a liveness probe does (Kubernetes says so too). */
export function freshCounts(passing: boolean): ProbeCounts {
  return { passing, successes: 0, failures: 0 };
}

/** What one more look makes of it. */
export function countResult({ successThreshold, failureThreshold }: ProbeNumbers, counts: ProbeCounts, ok: boolean): ProbeCounts {
  if (ok) {
    const successes = Math.min(counts.successes + 1, successThreshold);
    return { passing: counts.passing || successes >= successThreshold, successes, failures: 0 };
  }
  const failures = Math.min(counts.failures + 1, failureThreshold);
  return { passing: counts.passing && failures < failureThreshold, successes: 0, failures };
}

/** Out of tries: so many failures in a row that what waits for it is given up. */
export function isOutOfTries({ failureThreshold }: ProbeNumbers, { failures }: ProbeCounts): boolean {
  return failures >= failureThreshold;
}

/**
 * When the next look is due: a period after the one before, without jitter. Looks do not overlap: where one takes longer than the
 * period, the moments that it took are left out, and the beat is kept.
 */
export function nextDueMs({ periodMs }: ProbeNumbers, dueMs: number, nowMs: number): number {
  return dueMs + periodMs * Math.max(1, Math.ceil((nowMs - dueMs) / periodMs));
}
