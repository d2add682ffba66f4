import type { Exchange } from './exchange.ts';

/** What the exchanges of all transports have alike: the state of the answer, and who is told of its end. */
export abstract class BaseExchange implements Pick<Exchange, 'common' | 'responded' | 'written' | 'onEnd' | 'onLost'> {
  readonly common: Record<string, string> = {};
  responded = false;
  written = 0;
  /** How it ended: true when the answer was said to its end. */
  protected over: boolean | undefined;
  #onEnd: ((complete: boolean) => void) | undefined;
  #onLost: (() => void) | undefined;

  abstract get closed(): boolean;

  onEnd(fn: (complete: boolean) => void): void {
    if (this.over === undefined) this.#onEnd = fn;
    else queueMicrotask(() => fn(this.over === true));
  }

  onLost(fn: () => void): void {
    if (this.closed) fn();
    else this.#onLost = fn;
  }

  /** The answer, or the whole connection, has ended. The first word stands. */
  protected finish(complete: boolean): void {
    if (this.over !== undefined) return;
    this.over = complete;
    const [lost, ended] = [this.#onLost, this.#onEnd];
    // Node keeps a stream for a while: nothing of the call is to be kept with it.
    this.#onLost = undefined;
    this.#onEnd = undefined;
    lost?.();
    ended?.(complete);
  }
}
