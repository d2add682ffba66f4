/** Work on a stream of messages with several in flight, answered in order. */
import { untilAborted } from '../../kernel/until-aborted.ts';

interface Read<I> {
  readonly result?: IteratorResult<I>;
  readonly error?: unknown;
}

/**
 * Answers `work(item)` for every item, in the order of the items, with at most `limit` in flight: further ones are not read
 * from the source. When the source fails or the signal fires, what is in flight is answered first; then it throws.
 * `work` must not reject.
 */
export async function* pipelined<I, O>(
  source: AsyncIterable<I>,
  options: { readonly limit: number; readonly signal: AbortSignal },
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const iterator = source[Symbol.asyncIterator]();
  const inFlight: Promise<O>[] = [];
  const next = (): Promise<Read<I>> =>
    untilAborted(iterator.next(), options.signal).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
  let reading: Promise<Read<I>> | undefined;
  let last: Read<I> | undefined;
  try {
    for (;;) {
      if (last === undefined && inFlight.length < options.limit) reading ??= next();
      const [head] = inFlight;
      if (head === undefined && last !== undefined) break;
      // Reading goes first, so that batches meet in one group commit.
      const racing = [...(reading === undefined ? [] : [reading]), ...(head === undefined ? [] : [head.then(() => undefined)])];
      const read = await Promise.race(racing);
      if (read === undefined) {
        const answer = inFlight.shift();
        if (answer !== undefined) yield await answer;
        continue;
      }
      reading = undefined;
      if (read.result === undefined || read.result.done === true) last = read;
      else inFlight.push(work(read.result.value));
    }
  } finally {
    // Not awaited: a source that waits for its client would keep us.
    void iterator.return?.().catch(() => {});
  }
  if (last !== undefined && 'error' in last) throw last.error;
}
