import type { Clock } from '../../kernel/clock.ts';

export interface RateLimitSettings {
  readonly enabled: boolean;
  readonly requestsPerMinute: number;
  readonly burst: number;
}

export interface RateLimiter {
  /** 0 when the request may pass, else milliseconds until one would. */
  take(key: string): number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets kept at most; the one that was idle longest gives way, which at worst forgives it what it owes. */
const maxKeys = 10_000;

/** A token bucket per key: `burst` at once, then `requestsPerMinute`. */
export function createRateLimiter(settings: RateLimitSettings, clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const perMs = settings.requestsPerMinute / 60_000;
  return {
    take(key) {
      if (!settings.enabled) return 0;
      const nowMs = clock.monotonicMs();
      const known = buckets.get(key) ?? { tokens: settings.burst, atMs: nowMs };
      const tokens = Math.min(settings.burst, known.tokens + (nowMs - known.atMs) * perMs);
      const passes = tokens >= 1;
      // Set anew: the order of a Map is then the order of use.
      buckets.delete(key);
      buckets.set(key, { tokens: passes ? tokens - 1 : tokens, atMs: nowMs });
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value ?? key);
      return passes ? 0 : Math.max(1, Math.ceil((1 - tokens) / perMs));
    },
  };
}
