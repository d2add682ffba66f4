import type { Clock } from '../../kernel/clock.ts';
import type { Engine } from '../engines/index.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** What was seen, for people; cut to a line. */
  readonly message: string;
}

/** The run that a probe looks at, for the kinds that must know it. */
export interface ProbeSubject {
  readonly engine: Engine | undefined;
  /** The config that it runs with. */
  readonly configPath: string | undefined;
  /** Whether the line that a probe of kind `log` waits for was seen. */
  readonly isMarked: () => boolean;
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
  /** What a program is started by, to be confined as its unit is; default: as it is. */
  readonly confine?: (argv: readonly string[]) => readonly string[];
  /** Absent for a probe of no unit: then no kind may need it. */
  readonly subject?: ProbeSubject;
}

/** One kind of probe: answers what it saw, or throws what kept it from succeeding. */
export type Probe<A> = (action: A, context: ProbeContext & { readonly signal: AbortSignal }) => Promise<ProbeResult>;
