import type { Clock } from '../../kernel/clock.ts';
import type { UnitProbe } from '../../settings/types.ts';
import type { ProbeResult } from '../probes/types.ts';
import { StepFailure } from './failure.ts';

interface LookOptions {
  readonly probe: UnitProbe;
  /** Looks once; never throws. */
  readonly probeOnce: (timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface SoakOptions extends LookOptions {
  readonly soakMs: number;
}

export interface ReadyOptions extends LookOptions {
  readonly withinMs: number;
}

/** However long the period of a readiness probe is: an apply waits for its answer. */
const longestReadyPeriodMs = 1000;

/**
 * Looks at a new config by its probe for the time of the soak. `failure_threshold` failures in a row end it at once, and the last probeOnce must be a
 * success. Answers what was seen. Throws StepFailure PROBE_FAILED, and the signal's reason.
 */
export async function soak({ probe, soakMs, probeOnce, clock, signal }: SoakOptions): Promise<string> {
  const { periodMs, timeoutMs, failureThreshold, initialDelayMs } = probe;
  if (initialDelayMs > 0) await clock.sleep(initialDelayMs, signal);
  const untilMs = clock.monotonicMs() + soakMs;
  let looks = 0;
  for (let failures = 0; ; ) {
    const { ok, message } = await probeOnce(timeoutMs, signal);
    signal.throwIfAborted();
    looks += 1;
    failures = ok ? 0 : failures + 1;
    const isOver = clock.monotonicMs() >= untilMs;
    if (ok && isOver) return `${looks} ${looks === 1 ? 'look' : 'looks'}; the last one: ${message}`;
    if (!ok && (isOver || failures >= failureThreshold)) {
      throw new StepFailure(
        'PROBE_FAILED',
        `no traffic passes: ${message} (${failures} ${failures === 1 ? 'failure' : 'failures in a row'})`,
      );
    }
    await clock.sleep(isOver ? periodMs : Math.min(periodMs, Math.max(0, untilMs - clock.monotonicMs())), signal);
  }
}

/**
 * Looks by a readiness probe until it has succeeded `success_threshold` times in a row. Throws StepFailure START_FAILED with the last answer
 * when it has not within `withinMs`, and the signal's reason.
 */
export async function untilReady({ probe, withinMs, probeOnce, clock, signal }: ReadyOptions): Promise<void> {
  const untilMs = clock.monotonicMs() + withinMs;
  for (let successes = 0; ; ) {
    const { ok, message } = await probeOnce(probe.timeoutMs, signal);
    signal.throwIfAborted();
    successes = ok ? successes + 1 : 0;
    if (successes >= probe.successThreshold) return;
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0) throw new StepFailure('START_FAILED', `the readiness probe did not succeed within ${withinMs / 1000} s: ${message}`);
    await clock.sleep(Math.min(probe.periodMs, longestReadyPeriodMs, leftMs), signal);
  }
}
