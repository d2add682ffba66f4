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
  /** All others that change something or hand something in: while little happens everything is kept. */
  usual: { burst: 200, perMinute: 600 },
  /** Reads of one method: who tries a call finds it, and a poll that never ends leaves one trace a minute. */
  read: { burst: 60, perMinute: 1 },
  /** Work inside the agent. */
  work: { burst: 2000, perMinute: 6000 },
} as const;

/** Traces that have work in them are remembered so many. */
const mostStories = 4096;
/** Methods that have a share of reads of their own: more than there are; further ones have none. */
const mostMethods = 256;

/** Why a span is kept: `usual` ones make room for `notable` ones, which somebody will look for. */
export type Worth = 'notable' | 'usual';

export interface Sampling {
  /** Undefined: it is not kept. */
  worthOfCall(call: EndedCall): Worth | undefined;
  wantsWork(): boolean;
  /** The trace has work in it. */
  belongs(traceId: string): void;
}

/** Which spans are kept: judged when they have ended, so that failed and slow ones are known. */
export function createSampling(clock: Pick<Clock, 'monotonicMs'>): Sampling {
  const bucket = (share: keyof typeof shares): (() => boolean) => tokenBucket(clock, shares[share]);
  const [notable, traced, usual, work] = [bucket('notable'), bucket('traced'), bucket('usual'), bucket('work')];
  const reads = new Map<string, () => boolean>();
  const wantsRead = (name: string): boolean => {
    const known = reads.get(name);
    if (known !== undefined) return known();
    if (reads.size >= mostMethods) return false;
    const share = bucket('read');
    reads.set(name, share);
    return share();
  };
  const stories = new Set<string>();
  const wantsNotable = (call: EndedCall): boolean | undefined => {
    const { code } = call;
    const failed = code !== 'ok' && code !== 'canceled';
    if (failed || (call.durationMs >= slowMs && !call.stream)) return notable();
    if (stories.size > 0 && stories.has(call.traceId)) return work();
    return call.traced ? traced() : undefined;
  };
  return {
    worthOfCall(call) {
      const wanted = wantsNotable(call);
      if (wanted !== undefined) return wanted ? 'notable' : undefined;
      if (call.background) return undefined;
      return (call.reads ? wantsRead(call.name) : usual()) ? 'usual' : undefined;
    },
    wantsWork: work,
    belongs(traceId) {
      stories.add(traceId);
      if (stories.size > mostStories) for (const oldest of stories) return void stories.delete(oldest);
    },
  };
}
