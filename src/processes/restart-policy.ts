import type { UnitSettings } from '../settings/types.ts';

export type RestartSpec = UnitSettings['restart'];

/** What the policy remembers of a unit since its last start request. Times are monotonic milliseconds. */
export interface RestartHistory {
  /** Starts inside the window, oldest first; never more than `burst`. */
  readonly starts: readonly number[];
  /** Restarts since it last was stable: the exponent of the delay. */
  readonly attempts: number;
}

export const noHistory: RestartHistory = { starts: [], attempts: 0 };

export type RestartDecision =
  | { readonly kind: 'rest' }
  | { readonly kind: 'restart'; readonly delayMs: number; readonly attempts: number }
  | { readonly kind: 'crash-loop'; readonly starts: number }
  /** An apply is in progress and decides (never answered by the policy itself). */
  | { readonly kind: 'hold' }
  /** The engine's check refuses the config (never answered by the policy itself). */
  | { readonly kind: 'refused' };

export interface RunOutcome {
  readonly success: boolean;
  readonly upMs: number;
}

/** Notes a start; what fell out of the window is forgotten. */
export function withStart(spec: RestartSpec, history: RestartHistory, nowMs: number): RestartHistory {
  const starts = [...history.starts.filter((at) => nowMs - at < spec.windowMs), nowMs];
  return { ...history, starts: starts.slice(-Math.max(1, spec.burst)) };
}

/** A run that lasted `stable_after` wipes out what was before it. */
export function withRun(spec: RestartSpec, history: RestartHistory, upMs: number): RestartHistory {
  return upMs >= spec.stableAfterMs ? noHistory : history;
}

/**
 * What follows an end that nobody asked for. `burst` is the number of starts that are allowed inside `window`, as systemd's
 * StartLimitBurst; the delay grows from `base` by `factor` up to `max` and is lengthened (never shortened) by up to `jitter`,
 * so that what failed together does not come back together.
 */
export function decideRestart(
  spec: RestartSpec,
  history: RestartHistory,
  { outcome, nowMs, random }: { readonly outcome: RunOutcome; readonly nowMs: number; readonly random: number },
): RestartDecision {
  if (spec.policy === 'no' || (spec.policy === 'on-failure' && outcome.success)) return { kind: 'rest' };
  const recent = withRun(spec, history, outcome.upMs);
  const starts = recent.starts.filter((at) => nowMs - at < spec.windowMs).length;
  if (starts >= Math.max(1, spec.burst)) return { kind: 'crash-loop', starts };
  return { kind: 'restart', delayMs: delayOf(spec, recent.attempts, random), attempts: recent.attempts + 1 };
}

/** A finite number of ms whatever is multiplied: 0 times an overflow is no number, and a base of 0 stays 0 for good. */
function delayOf({ baseMs, factor, maxMs, jitter }: RestartSpec, attempts: number, random: number): number {
  const grown = baseMs === 0 ? 0 : baseMs * factor ** attempts;
  return Math.round(Math.min(maxMs, grown) * (1 + jitter * random));
}
