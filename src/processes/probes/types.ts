import type { Clock } from '../../kernel/clock.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** What was seen, for people; cut to a line. */
  readonly message: string;
}

/** What a probe runs with. It never throws and never lasts longer than its time. */
export interface ProbeContext {
  readonly timeoutMs: number;
  /** Gives it up; the result is then nobody's. */
  readonly signal: AbortSignal;
  /** For programs: exactly this environment, in this directory. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly clock: Clock;
}

/** One kind of probe: answers what it saw, or throws what kept it from succeeding. */
export type Probe<A> = (action: A, context: ProbeContext & { readonly signal: AbortSignal }) => Promise<ProbeResult>;
