import type { Clock } from '../../kernel/clock.ts';
import { type Bucket, takeToken } from '../../kernel/token-bucket.ts';
import type { Settings } from '../../settings/types.ts';

type RateLimitSettings = Settings['api']['security']['rateLimit'];

export interface RateLimiter {
  /** 0 when the request may pass, else milliseconds until one would. */
  take(key: string): number;
}

/** Buckets kept at most; the one that was idle longest gives way, which at worst forgives it what it owes. */
const maxKeys = 10_000;

/** A token bucket per key. */
export function createRateLimiter({ enabled, burst, requestsPerMinute }: RateLimitSettings, clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const share = { burst, perMinute: requestsPerMinute };
  return {
    take(key) {
      if (!enabled) return 0;
      const nowMs = clock.monotonicMs();
      const bucket = buckets.get(key) ?? { tokens: burst, atMs: nowMs };
      // Set anew: the order of a Map is then the order of use.
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value ?? key);
      return takeToken(bucket, share, nowMs);
    },
  };
}
