import type { Json, Receipt, StoredEvent } from '../events/types.ts';

/** What a plugin's events tell of its calls. */
export interface CallStatistics {
  readonly count: number;
  readonly errors: number;
  /** The newest `keptDurations`, in milliseconds. */
  readonly durationsMs: readonly number[];
}

export const noCalls: CallStatistics = { count: 0, errors: 0, durationsMs: [] };

const keptDurations = 256;

function durationOf(data: StoredEvent['data']): number | undefined {
  const number = (value: Json | undefined): number | undefined =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
  const seconds = number(data?.['duration_seconds']);
  return number(data?.['duration_ms']) ?? (seconds === undefined ? undefined : seconds * 1000);
}

function isErrorType(type: string): boolean {
  return type === 'plugin.error' || type.endsWith('.failed');
}

function isError(event: StoredEvent): boolean {
  return isErrorType(event.type) || event.data?.['success'] === false;
}

/** Whether an event can be a call at all, before anybody makes an object of it. */
export function mayBeCall(said: Pick<Receipt, 'type' | 'mentions'>): boolean {
  return isErrorType(said.type) || said.mentions('duration_ms') || said.mentions('duration_seconds') || said.mentions('success');
}

/** An event with a duration (`data.duration_ms` or `data.duration_seconds`) is a call, one that tells an error is a failed one. */
export function withEvent(calls: CallStatistics, event: StoredEvent): CallStatistics {
  const durationMs = durationOf(event.data);
  const failed = isError(event);
  if (durationMs === undefined && !failed) return calls;
  return {
    count: calls.count + 1,
    errors: calls.errors + (failed ? 1 : 0),
    durationsMs: durationMs === undefined ? calls.durationsMs : [...calls.durationsMs, durationMs].slice(-keptDurations),
  };
}

/** Nearest rank; 0 without durations. */
export function p95(durationsMs: readonly number[]): number {
  const sorted = [...durationsMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}
