import type { Clock } from './clock.ts';

/** Whether one more may pass: `burst` at once, then `perMinute`. */
export function tokenBucket(clock: Pick<Clock, 'monotonicMs'>, { burst, perMinute }: { burst: number; perMinute: number }): () => boolean {
  let tokens = burst;
  let atMs = clock.monotonicMs();
  return () => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(burst, tokens + ((nowMs - atMs) * perMinute) / 60_000);
    atMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
