import type { HandlerContext } from '@connectrpc/connect';
import { AgentError } from '../../kernel/errors.ts';
import { type Feed, pullFeed } from '../../kernel/feed.ts';
import { callSignal, endingOf } from '../calls.ts';

/** What a service answers of a feed: protocols that push take the feed, the others pull. */
type FedAnswer<M> = AsyncIterable<M> & { readonly feed: Feed<M> };

/** `lastWord` makes the last message of a stream that an agent ends because it stops, of the newest one. */
export function fedStream<M>(feed: Feed<M>, context: HandlerContext, lastWord?: (newest: M) => M): FedAnswer<M> {
  return { feed, [Symbol.asyncIterator]: () => pulled(feed, callSignal(context), lastWord) };
}

async function* pulled<M>(feed: Feed<M>, signal: AbortSignal, lastWord: ((newest: M) => M) | undefined): AsyncGenerator<M> {
  let newest: M | undefined;
  for await (const message of pullFeed(feed, signal)) {
    newest = message;
    yield message;
  }
  const ending = endingOf(signal);
  if (ending === undefined) return;
  const stopping = ending instanceof AgentError && ending.reason === 'SHUTTING_DOWN';
  if (stopping && newest !== undefined && lastWord !== undefined) yield lastWord(newest);
  throw ending;
}
