import type { Severity } from '../events/types.ts';

/** See `Alert` in alert.proto for the meaning of the fields. */
export interface AlertView {
  readonly id: string;
  readonly rule: string;
  readonly state: 'FIRING' | 'RESOLVED';
  readonly severity: Severity;
  readonly subject: string;
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startTimeMs: number;
  /** undefined while it fires. */
  readonly endTimeMs: number | undefined;
  readonly acknowledged: { readonly by: string; readonly timeMs: number; readonly comment: string } | undefined;
  readonly value: number;
  readonly threshold: number;
  readonly traceId: string;
}

/** Something that is wrong at this moment. One rule has at most one finding a subject. */
export interface Finding {
  readonly subject: string;
  readonly summary: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly threshold?: number;
  /** The trace of what made it so. */
  readonly traceId?: string;
}

/**
 * A built-in rule: asked again and again (level-triggered), it answers all that is wrong now. What is no longer answered is resolved.
 * The composition root gives it eyes into rooms that alerts may not import.
 */
export interface BuiltInRule {
  readonly name: string;
  readonly severity: Severity;
  findings(): readonly Finding[];
}

export interface AlertChange {
  readonly alerts: readonly AlertView[];
}

/** The room's front door. Methods throw AgentError (ALERT_NOT_FOUND). */
export interface Alerts {
  /** Firing ones first, then the newest start first; the whole list: it is bounded. */
  list(): readonly AlertView[];
  acknowledge(id: string, by: string, comment: string): Promise<AlertView>;
  /** Calls `fn` for every change, in order, synchronously. Answers how to stop. */
  onChange(fn: (change: AlertChange) => void): () => void;
  /** DEGRADED while a webhook cannot be reached; names it, never its address' secrets. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}
