import { outsideCalls } from './outside-calls.ts';
import { createTicks, tickMs } from './ticks.ts';

/**
 * All time goes through this clock, so that tests can bend it. Durations and deadlines use `monotonicMs`, which no
 * change of the wall clock touches; `wallMs` is for what people read and for the expiry of tokens.
 */
export interface Clock {
  /** Unix time in milliseconds. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Runs `fn` once after `ms` milliseconds unless the answer is called; does not keep the program alive. */
  after(ms: number, fn: () => void): () => void;
  /**
   * Runs `fn` every `ms` milliseconds until the answer is called, give or take a quarter of a second; does not keep the program alive. It
   * belongs to no call: its log lines carry no trace, wherever it was started.
   */
  every(ms: number, fn: () => void): () => void;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when that fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

function interval(ms: number, fn: () => void): () => void {
  const timer = outsideCalls(() => setInterval(fn, ms)).unref();
  return () => clearInterval(timer);
}

/** Node's timers take no more, and fire at once where more is asked of them. */
const longestMs = 2 ** 31 - 1;

/** A timer for any time, however long. `keeps` the program alive or not. */
function startTimer(ms: number, fn: () => void, keeps: boolean): () => void {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(leftMs > longestMs ? () => wait(leftMs - longestMs) : fn, Math.min(leftMs, longestMs));
    if (!keeps) timer.unref();
  };
  wait(ms);
  return () => clearTimeout(timer);
}

const ticks = createTicks(() => performance.now(), interval);

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, fn) => startTimer(ms, fn, false),
  every: (ms, fn) => (ms >= tickMs ? ticks.add(ms, fn) : interval(ms, fn)),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const over = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const cancel = startTimer(ms, over, true);
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  },
};
