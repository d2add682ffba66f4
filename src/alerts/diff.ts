import type { Severity } from '../events/index.ts';
import { type Entry, keyOf } from './book.ts';
import type { AlertView, Finding } from './types.ts';

/** A finding with whose it is. */
export interface Found extends Finding {
  readonly rule: string;
  readonly severity: Severity;
}

/** What all rules say at one moment. */
export interface Evaluation {
  readonly found: ReadonlyMap<string, Found>;
  /** Rules that could not be asked: their alerts stay as they are. */
  readonly silent: ReadonlySet<string>;
  /** Whether what is no longer found is over; not yet right after a start. */
  readonly settled: boolean;
}

export interface Difference {
  readonly fresh: readonly Found[];
  readonly ended: readonly Entry[];
}

export function difference(firing: ReadonlyMap<string, Entry>, { found, silent, settled }: Evaluation): Difference {
  const fresh = [...found].filter(([key]) => !firing.has(key)).map(([, one]) => one);
  const ended = settled ? [...firing].filter(([key, { view }]) => !found.has(key) && !silent.has(view.rule)).map(([, entry]) => entry) : [];
  return { fresh, ended };
}

const limits = { subject: 256, summary: 1000, labels: 32, label: 256 } as const;

/** A finding within the bounds of what an alert carries. */
export function bounded(found: Found): Found {
  const labels = Object.entries(found.labels ?? {}).slice(0, limits.labels);
  return {
    ...found,
    subject: cut(found.subject, limits.subject),
    summary: cut(found.summary, limits.summary),
    labels: Object.fromEntries(labels.map(([key, value]) => [cut(key, limits.label), cut(value, limits.label)])),
  };
}

export function fired(found: Found, id: string, startTimeMs: number): AlertView {
  return {
    id,
    rule: found.rule,
    state: 'FIRING',
    severity: found.severity,
    subject: found.subject,
    summary: found.summary,
    labels: found.labels ?? {},
    startTimeMs,
    endTimeMs: undefined,
    acknowledged: undefined,
    value: finite(found.value),
    threshold: finite(found.threshold),
    traceId: found.traceId ?? '',
  };
}

/** The same alert with what is measured now; itself where nothing changed. */
export function measured(view: AlertView, found: Found): AlertView {
  const next = { ...view, severity: found.severity, summary: found.summary, value: finite(found.value ?? view.value) };
  const same = next.severity === view.severity && next.summary === view.summary && next.value === view.value;
  return same ? view : next;
}

/** All findings by rule and subject; of two with the same key the first stands. */
export function byKey(all: readonly Found[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const one of all.map(bounded)) if (!found.has(keyOf(one))) found.set(keyOf(one), one);
  return found;
}

function finite(value = 0): number {
  return Number.isFinite(value) ? value : 0;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).toWellFormed();
}
