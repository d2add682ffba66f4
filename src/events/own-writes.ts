import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { Emitter } from './emitter.ts';

/** A disk that takes so long is not waited for: what is kept is answered. */
const patienceMs = 1000;

/** What the agent itself has said and the disk has not taken yet. */
export interface OwnWrites {
  /** Counts a write of the agent's own until it is settled. */
  track<T>(write: Promise<T>): Promise<T>;
  /** Resolves when what was said before this call is on disk; at once while the disk refuses, and after a second in any case. */
  settled(): Promise<void>;
}

export function createOwnWrites(emitter: Pick<Emitter, 'waiting' | 'written'>, clock: Clock): OwnWrites {
  const running = new Set<Promise<unknown>>();
  return {
    track(write) {
      running.add(write);
      const over = (): void => void running.delete(write);
      write.then(over, over);
      return write;
    },
    async settled() {
      if (running.size === 0 && emitter.waiting() === 0) return;
      await within(clock, patienceMs, Promise.allSettled([...running, emitter.written()]));
    },
  };
}
