import type { Clock } from '../../kernel/clock.ts';
import type { UnitProbe } from '../../settings/types.ts';
import type { ProbeResult } from '../probes/types.ts';
import { StepFailure } from './failure.ts';

export interface SoakOptions {
  readonly probe: UnitProbe;
  readonly soakMs: number;
  /** Looks once; never throws. */
  readonly look: (timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Looks at a new config by its probe for the time of the soak. `failure_threshold` failures in a row end it at once, and the last look must be a
 * success. Answers what was seen. Throws StepFailure PROBE_FAILED, and the signal's reason.
 */
export async function soak({ probe, soakMs, look, clock, signal }: SoakOptions): Promise<string> {
  const { periodMs, timeoutMs, failureThreshold, initialDelayMs } = probe;
  if (initialDelayMs > 0) await clock.sleep(initialDelayMs, signal);
  const untilMs = clock.monotonicMs() + soakMs;
  let looks = 0;
  for (let failures = 0; ; ) {
    const { ok, message } = await look(timeoutMs, signal);
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
