/** Exit codes of client commands (contract, section 1). */
export const EXIT = { done: 0, refused: 1, usage: 2, unreachable: 3 } as const;

export interface FailureOptions {
  /** Reason of the catalogue, or the canonical code where the answer is not the agent's. */
  readonly reason?: string | undefined;
  /** What to do about it, a sentence. */
  readonly remedy?: string | undefined;
  /** One line each: fields that are wrong, lines of an engine. */
  readonly details?: readonly string[];
  /** Waiting this long helps. */
  readonly retryAfterMs?: number | undefined;
  /** Whether it may pass by itself, so that a follower tries again. */
  readonly passing?: boolean;
}

/** Why a command ends with another code than 0. Its text is shown as it stands, after control characters are escaped. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  readonly details: readonly string[];
  readonly retryAfterMs: number | undefined;
  readonly passing: boolean;

  constructor(exitCode: number, message: string, options: FailureOptions = {}) {
    super(message);
    this.exitCode = exitCode;
    this.reason = options.reason;
    this.remedy = options.remedy;
    this.details = options.details ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.passing = options.passing ?? false;
  }
}

export function usage(message: string, remedy?: string): Failure {
  return new Failure(EXIT.usage, message, { remedy });
}
