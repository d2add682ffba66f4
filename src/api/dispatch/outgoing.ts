import { type Feed, feedBehind } from '../../kernel/feed.ts';
import type { Answered, Call } from '../seam.ts';

/**
 * The messages that a service answers, and how the call ended. An iterator by hand: `return()` must reach a service that waits for
 * something to say, which a generator's would stand in a queue behind.
 */
export class Outgoing implements AsyncIterableIterator<Answered> {
  /** What the messages come from, where they can be pushed. */
  declare readonly feed?: Feed<Answered>;
  readonly #inner: () => AsyncIterator<unknown>;
  #iterator: AsyncIterator<unknown> | undefined;
  readonly #call: Call;
  readonly #failed: (error: unknown) => unknown;
  #over = false;

  constructor(messages: AsyncIterable<unknown>, call: Call, failed: (error: unknown) => unknown) {
    const feed = feedBehind(messages);
    if (feed !== undefined) Object.assign(this, { feed });
    this.#inner = () => messages[Symbol.asyncIterator]();
    this.#call = call;
    this.#failed = failed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Answered>> {
    if (this.#over) return { done: true, value: undefined };
    try {
      this.#iterator ??= this.#inner();
      const { done, value } = await this.#iterator.next();
      if (done !== true) return { done: false, value: value as Answered };
    } catch (error) {
      this.#over = true;
      throw this.#failed(error);
    }
    this.#over = true;
    // A stream that ended without an error because its client left was not completed.
    this.#call.outcome(this.#call.signal.aborted ? 'canceled' : 'ok');
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Answered>> {
    this.#over = true;
    this.#call.outcome('canceled');
    // Not awaited here: a generator that is parked goes on when the call's signal wakes it. The call waits for it.
    const ended = this.#iterator?.return?.().catch(() => {});
    if (ended !== undefined) this.#call.holdUntil(ended);
    return Promise.resolve({ done: true, value: undefined });
  }
}
