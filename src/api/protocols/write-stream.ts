import { type Feed, type FeedCodec, type FeedReader, feedBehind } from '../../kernel/feed.ts';
import type { Answered, Call } from '../seam.ts';
import { type Exchange, writeAll } from '../transports/exchange.ts';

interface StreamForm {
  /** One object for all watchers of a method in one protocol: a feed makes a frame once for all of them. */
  readonly codec: FeedCodec<Answered, Buffer>;
  /** Says the head of the answer; called before the first frame, and for a stream without one. */
  begin(): void;
}

interface Place {
  readonly call: Call;
  readonly exchange: Exchange;
}

/**
 * Writes what a service answers by and by: pushed where a feed is behind it, else pulled at the pace of the reader. Resolves when the stream ended or the
 * client left; rejects with what the answer is to end with, of which nothing was said yet where `begin` was not called.
 */
export async function writeStream(place: Place, answers: AsyncIterable<Answered>, form: StreamForm): Promise<void> {
  const { call, exchange } = place;
  const feed = feedBehind(answers);
  if (feed === undefined) await pull(place, answers[Symbol.asyncIterator](), form);
  else {
    await push(place, feed, form);
    call.outcome('ok');
  }
  if (!exchange.responded) form.begin();
}

async function pull({ call, exchange }: Place, messages: AsyncIterator<Answered>, { codec, begin }: StreamForm): Promise<void> {
  call.onStop(({ reason }) => void (reason === 'CANCELED' && messages.return?.()));
  for (;;) {
    const { done, value } = await messages.next();
    if (done === true) return;
    if (exchange.closed) break;
    if (!exchange.responded) begin();
    const waiting = writeAll(exchange, codec.encode(value));
    if (waiting !== undefined) await waiting;
  }
  await messages.return?.();
}

/** Between two frames nothing is kept for a watcher but its place in the feed: no generator, no timer, no signal. */
function push({ call, exchange }: Place, feed: Feed<Answered>, { codec, begin }: StreamForm): Promise<void> {
  return new Promise((resolve, reject) => {
    const sink = {
      write(frame: Buffer): boolean {
        if (!exchange.responded) begin();
        return exchange.write(frame);
      },
      end(error?: unknown): void {
        if (error === undefined) resolve();
        else reject(error);
      },
    };
    const reader: FeedReader = feed.join(codec, sink);
    exchange.onDrain(() => reader.resume());
    call.onStop((reason) => {
      // The last word of an agent that stops: where to resume.
      if (reason.reason === 'SHUTTING_DOWN') reader.finish();
      else reader.leave();
      if (reason.reason === 'CANCELED') resolve();
      else reject(reason);
    });
  });
}
