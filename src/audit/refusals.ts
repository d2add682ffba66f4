import type { Clock } from '../kernel/clock.ts';
import { tokenBucket } from '../kernel/token-bucket.ts';
import type { AuditCall, AuditResult } from './types.ts';

/** So many refusals are written one by one, and then so many a minute: whoever guesses at tokens must not fill the disk. */
const burst = 60;
const perMinute = 2;
/** The others are put together in entries of their own, written so often. */
export const sumEveryMs = 60_000;

export interface Refusal {
  readonly call: AuditCall;
  readonly result: AuditResult;
}

export interface Refusals {
  /** The entry to write for it now; undefined where it is counted for a later one. */
  take(refusal: Refusal): Refusal | undefined;
  /** An entry for those that were counted since the last one; undefined where there were none. */
  sum(): Refusal | undefined;
}

/** A bucket for all: a key each would be as many as the guesser has addresses. */
export function createRefusals(clock: Clock): Refusals {
  const passes = tokenBucket(clock, { burst, perMinute });
  let counted = 0;
  let newest: Refusal | undefined;
  return {
    take(refusal) {
      if (passes()) return refusal;
      counted += 1;
      newest = refusal;
      return undefined;
    },
    sum() {
      if (newest === undefined) return undefined;
      const { call, result } = newest;
      const entry: Refusal = { call: { ...call, changes: [`count=${counted}`] }, result };
      counted = 0;
      newest = undefined;
      return entry;
    },
  };
}
