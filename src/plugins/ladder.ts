import type { RecoveryStep } from '../settings/types.ts';
import type { RecoveryState } from './record.ts';

export interface Ladder {
  readonly steps: readonly RecoveryStep[];
  readonly budget: number;
  readonly windowMs: number;
  readonly backoffMs: number;
}

const maxBackoffMs = 60_000;

export type Climb =
  | { readonly kind: 'step'; readonly step: RecoveryStep; readonly attempt: number; readonly attemptsAtMs: readonly number[] }
  /** Why nothing more is tried. */
  | { readonly kind: 'give-up'; readonly why: string };

/** The next rung: from the bottom to the top and again, until the budget of the window is spent. */
export function nextStep(ladder: Ladder, state: Pick<RecoveryState, 'attemptsAtMs' | 'rung'>, nowMs: number): Climb {
  const inWindow = state.attemptsAtMs.filter((at) => nowMs - at < ladder.windowMs);
  const step = ladder.steps[state.rung % ladder.steps.length];
  if (step === undefined) return { kind: 'give-up', why: 'its recovery ladder has no steps' };
  if (inWindow.length >= ladder.budget) {
    return { kind: 'give-up', why: `${inWindow.length} recovery steps within ${ladder.windowMs / 1000} s did not help` };
  }
  return { kind: 'step', step, attempt: inWindow.length + 1, attemptsAtMs: [...inWindow, nowMs] };
}

/** The wait before the step that follows so many. */
export function backoffMs(ladder: Ladder, attempts: number): number {
  return attempts === 0 ? 0 : Math.min(maxBackoffMs, ladder.backoffMs * 2 ** (attempts - 1));
}
