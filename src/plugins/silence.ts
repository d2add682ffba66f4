/**
 * When silence is sickness. A plugin that reports its health may do so every second or every hour: nobody tells us which. So what it does is what it is held to: the longest of its last ordinary gaps, or the interval of the health check where that
 * is longer, with half as much again. (The idea is that of accrual failure detectors, without their statistics.)
 */

/** Signs of life, by a clock that stands still while the agent sleeps. */
export interface Contact {
  readonly lastAtMs: number;
  /** The newest `keptGaps` between two signs, but for those that were an illness. */
  readonly gapsMs: readonly number[];
}

const keptGaps = 8;
const slack = 1.5;
/** So few gaps say nothing yet. */
const fewGaps = 2;
/** Signs that come together are one. */
const together = 20;

export function firstContact(atMs: number): Contact {
  return { lastAtMs: atMs, gapsMs: [] };
}

/** `wasIll`: the gap that ends now was one, and teaches nothing. */
export function withContact(contact: Contact, atMs: number, wasIll: boolean): Contact {
  const gap = atMs - contact.lastAtMs;
  if (wasIll || gap < together) return { ...contact, lastAtMs: atMs };
  return { lastAtMs: atMs, gapsMs: [...contact.gapsMs, gap].slice(-keptGaps) };
}

/** Checks that silence has failed by now: one when it is longer than it should be, one more every interval. */
export function missedChecks(contact: Contact, nowMs: number, intervalMs: number): number {
  if (contact.gapsMs.length < fewGaps) return 0;
  const allowedMs = slack * Math.max(intervalMs, ...contact.gapsMs);
  const lateMs = nowMs - contact.lastAtMs - allowedMs;
  return lateMs <= 0 ? 0 : 1 + Math.floor(lateMs / intervalMs);
}

/** The share of a cadence by which a run may be late: 30 minutes take 10. */
const tolerance = 1 / 3;

/** The contact of one that has missed so many runs. */
export function contactThatMissed(runs: number, atMs: number, cadenceMs: number): Contact {
  return firstContact(atMs - cadenceMs * (runs + tolerance) - 1);
}

/** Runs that were missed by now. */
export function missedRuns(contact: Contact, nowMs: number, cadenceMs: number): number {
  const lateMs = nowMs - contact.lastAtMs - cadenceMs * (1 + tolerance);
  return lateMs <= 0 ? 0 : 1 + Math.floor(lateMs / cadenceMs);
}
