import type { Clock } from '../kernel/clock.ts';
import { tokenBucket } from '../kernel/token-bucket.ts';
import type { EndedCall } from '../telemetry/types.ts';

/** A call that takes so long is slow. */
export const slowMs = 500;

/** So many are kept at once, and so many a minute for long: what is wrong has a share of its own, which a flood of calls cannot take. */
const shares = {
  /** Failed or slow. */
  notable: { burst: 500, perMinute: 3000 },
  /** Those whose caller traces them. */
  traced: { burst: 1000, perMinute: 3000 },
  /** All others: while little happens everything is kept. */
  usual: { burst: 200, perMinute: 600 },
  /** Work inside the agent. */
  work: { burst: 2000, perMinute: 6000 },
} as const;

/** Traces that have work in them are remembered so many. */
const mostStories = 4096;

export interface Sampling {
  wantsCall(call: EndedCall): boolean;
  wantsWork(): boolean;
  /** The trace has work in it. */
  belongs(traceId: string): void;
}

/** Which spans are kept: judged when they have ended, so that failed and slow ones are known. */
export function createSampling(clock: Pick<Clock, 'monotonicMs'>): Sampling {
  const [notable, traced, usual, work] = [shares.notable, shares.traced, shares.usual, shares.work].map((share) =>
    tokenBucket(clock, share),
  );
  const stories = new Set<string>();
  return {
    wantsCall(call) {
      const { code } = call;
      const failed = code !== 'ok' && code !== 'canceled';
      if (failed || (call.durationMs >= slowMs && !call.stream)) return notable?.() ?? false;
      if (stories.size > 0 && stories.has(call.traceId)) return work?.() ?? false;
      if (call.traced) return traced?.() ?? false;
      return !call.background && (usual?.() ?? false);
    },
    wantsWork: () => work?.() ?? false,
    belongs(traceId) {
      stories.add(traceId);
      if (stories.size > mostStories) for (const oldest of stories) return void stories.delete(oldest);
    },
  };
}
