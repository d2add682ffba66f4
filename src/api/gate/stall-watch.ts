import type { Clock } from '../../kernel/clock.ts';
import { streamOf } from '../exchange.ts';
import type { HttpResponse } from '../seam.ts';

/** Looks at the buffers of open responses and calls `stalled` once for each that did not drain at all for `limitMs`. */
export interface StallWatch {
  add(res: HttpResponse, limitMs: () => number, stalled: () => void): () => void;
  stop(): void;
}

interface Watched {
  readonly res: HttpResponse;
  readonly limitMs: () => number;
  readonly stalled: () => void;
  pending: number;
  drained: boolean;
  sinceMs: number;
}

const lookEveryMs = 250;

/** Bytes that were written and that the connection has not taken yet. */
function pendingBytes(res: HttpResponse): number {
  return streamOf(res)?.writableLength ?? res.writableLength;
}

/** Less than before, or a drain in between: more than before is no sign of a reader. */
function moved(one: Watched): boolean {
  const pending = pendingBytes(one.res);
  const yes = pending === 0 || pending < one.pending || one.drained;
  one.pending = pending;
  one.drained = false;
  return yes;
}

export function createStallWatch(clock: Clock): StallWatch {
  const watched = new Set<Watched>();
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    for (const one of watched) {
      if (moved(one)) one.sinceMs = nowMs;
      else if (nowMs - one.sinceMs >= one.limitMs()) {
        watched.delete(one);
        one.stalled();
      }
    }
  };
  const stop = clock.every(lookEveryMs, look);
  return {
    add(res, limitMs, stalled) {
      const one: Watched = { res, limitMs, stalled, pending: 0, drained: false, sinceMs: clock.monotonicMs() };
      res.on('drain', () => {
        one.drained = true;
      });
      watched.add(one);
      return () => watched.delete(one);
    },
    stop,
  };
}
