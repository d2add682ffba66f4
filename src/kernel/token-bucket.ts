import type { Clock } from './clock.ts';

/** `burst` at once, then `perMinute`. */
export interface Share {
  readonly burst: number;
  readonly perMinute: number;
}

/** What is left of a share, and when that was so. */
export interface Bucket {
  tokens: number;
  atMs: number;
}

/** Takes one token where there is one. Answers 0 then, else the milliseconds until there is one. */
export function takeToken(bucket: Bucket, { burst, perMinute }: Share, nowMs: number): number {
  const perMs = perMinute / 60_000;
  const tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) * perMs);
  const passes = tokens >= 1;
  bucket.tokens = passes ? tokens - 1 : tokens;
  bucket.atMs = nowMs;
  return passes ? 0 : Math.max(1, Math.ceil((1 - tokens) / perMs));
}

/** Whether one more may pass. */
export function tokenBucket(clock: Pick<Clock, 'monotonicMs'>, share: Share): () => boolean {
  const bucket = { tokens: share.burst, atMs: clock.monotonicMs() };
  return () => takeToken(bucket, share, clock.monotonicMs()) === 0;
}
