import type { ErrorReason } from '../../kernel/catalogue.ts';
import type { Problem } from '../../kernel/errors.ts';

export interface StepFailureOptions {
  readonly violations?: readonly Problem[];
  /** What the engine itself said. */
  readonly engineOutput?: readonly string[];
  readonly cause?: unknown;
}

/** Why a step of an apply did not hold: an expected failure, which the transaction answers by rejecting or rolling back. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly reason: ErrorReason;
  readonly violations: readonly Problem[];
  readonly engineOutput: readonly string[];

  constructor(reason: ErrorReason, message: string, options: StepFailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.violations = options.violations ?? [];
    this.engineOutput = options.engineOutput ?? [];
  }
}
