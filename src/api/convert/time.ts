/** Moments of requests: the wire's Timestamp (nanoseconds) and the rooms' instants and milliseconds. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Instant } from '../../events/types.ts';
import { invalid, type Violation } from '../../kernel/errors.ts';

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: outside of them there is no RFC 3339. */
const minSeconds = -62_135_596_800n;
const maxSeconds = 253_402_300_799n;

/** From when to when a filter goes. */
type Span = { readonly since?: Timestamp | undefined; readonly until?: Timestamp | undefined };

/** Throws INVALID_REQUEST for moments that are none. */
export function checkSpan({ since, until }: Span = {}): void {
  const violations: Violation[] = [];
  checkTime(since, 'filter.since', violations);
  checkTime(until, 'filter.until', violations);
  if (violations.length > 0) throw invalid(violations);
}

/** What is wrong with a moment that came in binary; JSON cannot say it. */
function checkTime(time: Timestamp | undefined, field: string, violations: Violation[]): void {
  if (time === undefined) return;
  if (time.seconds < minSeconds || time.seconds > maxSeconds) {
    violations.push({ field, message: 'must be between the years 1 and 9999', rule: 'timestamp.range' });
  } else if (time.nanos < 0 || time.nanos > 999_999_999) {
    violations.push({ field, message: 'nanos must be between 0 and 999999999', rule: 'timestamp.nanos' });
  }
}

export function instantOf(time: Timestamp): Instant {
  return { seconds: Number(time.seconds), nanos: time.nanos };
}

/** In Unix milliseconds; a half-open bound keeps its meaning when it is rounded up. Throws like `checkSpan`. */
export function spanMs(span: Span | undefined): { readonly sinceMs: number | undefined; readonly untilMs: number | undefined } {
  checkSpan(span);
  const ceilMs = (time: Timestamp | undefined): number | undefined =>
    time && Number(time.seconds) * 1000 + Math.ceil(time.nanos / 1_000_000);
  return { sinceMs: ceilMs(span?.since), untilMs: ceilMs(span?.until) };
}
