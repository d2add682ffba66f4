import type { Feed, FeedCodec, FeedReader } from '../../kernel/feed.ts';
import type { Answered, Call } from '../seam.ts';
import type { Exchange } from '../transports/exchange.ts';

export interface Pushed {
  readonly feed: Feed<Answered>;
  /** One object for all watchers of a method in one protocol: the feed makes a frame once for all of them. */
  readonly codec: FeedCodec<Answered, Buffer>;
  /** Says the head of the answer; called once, before the first frame. */
  begin(): void;
}

/**
 * Lets a feed write into an answer. Between two frames nothing is kept for a watcher but its place in the feed: no generator, no timer,
 * no signal. Resolves when the feed ended or the client left; rejects with what the answer is to end with.
 */
export function push(call: Call, exchange: Exchange, { feed, codec, begin }: Pushed): Promise<void> {
  return new Promise((resolve, reject) => {
    let reader: FeedReader | undefined;
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
    reader = feed.join(codec, sink);
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
