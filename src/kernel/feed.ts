/**
 * How what is watched reaches its readers. A feed writes frames into the sinks of those who read it: a reader that keeps up is *synced*, and is pushed
 * the frame that was encoded once for all synced readers of its kind; one whose sink is full is left alone until it has room again, and then catches up
 * from what the feed keeps (a ring, a journal, the newest state). So no reader has a queue, a timer or a generator of its own, and none delays another.
 * The idea of synced and unsynced watchers is that of etcd's watchable store.
 */

/** The way out to one reader: a stream of a connection, or a place for one item (`pullFeed`). */
export interface FeedSink<Frame> {
  /**
   * Takes one frame, whatever the answer, and never throws. `false`: the reader is behind, and the feed writes nothing more to it before it calls
   * `resume`. This is the whole of backpressure: a sink holds what one message takes beyond its stream's own high-water mark.
   */
  write(frame: Frame): boolean;
  /** The feed ends for this reader; nothing is written after it. Without an error the feed itself was closed. */
  end(error?: unknown): void;
}

/** Makes frames of items. One object for all readers that are to share frames: the feed groups its readers by it. */
export interface FeedCodec<Item, Frame> {
  /** Called once for all readers of a group: nobody changes what it answers. */
  encode(item: Item): Frame;
}

/** One reader's hold on a feed. */
export interface FeedReader {
  /** The sink has room again. Writes what is at hand, possibly before it returns. */
  resume(): void;
  /** Writes one more frame that says where to resume, where the feed has such a thing, and leaves. */
  finish(): void;
  /** Nothing is written from now on. Idempotent; does not call `end`. */
  leave(): void;
}

/** What one reader asked for (its cursor, its filter): joined once. */
export interface Feed<Item> {
  /** Writes what is at hand, possibly before it returns. Throws what is wrong from the start (a cursor that is not kept), before anything is written. */
  join<Frame>(codec: FeedCodec<Item, Frame>, sink: FeedSink<Frame>): FeedReader;
}

const identity: FeedCodec<unknown, unknown> = { encode: (item) => item };

/**
 * The same feed in other words. `mapping` is the object that stands for the function: readers share frames where both it and their codec are the same
 * objects, so it must outlive a single call.
 */
export function mapFeed<Item, Message>(feed: Feed<Item>, mapping: FeedMapping<Item, Message>): Feed<Message> {
  return { join: (codec, sink) => feed.join(mapping.through(codec), sink) };
}

export interface FeedMapping<Item, Message> {
  /** Always the same codec for the same one. */
  through<Frame>(codec: FeedCodec<Message, Frame>): FeedCodec<Item, Frame>;
}

export function feedMapping<Item, Message>(fn: (item: Item) => Message): FeedMapping<Item, Message> {
  const known = new WeakMap<object, FeedCodec<Item, unknown>>();
  return {
    through<Frame>(codec: FeedCodec<Message, Frame>) {
      const seen = known.get(codec) as FeedCodec<Item, Frame> | undefined;
      if (seen !== undefined) return seen;
      const composed: FeedCodec<Item, Frame> = { encode: (item) => codec.encode(fn(item)) };
      known.set(codec, composed);
      return composed;
    },
  };
}

/** A stream of messages that can also be pushed: who writes to a socket asks `feedBehind` first, and pulls where it answers nothing. */
export type FedStream<Item> = AsyncIterableIterator<Item> & { readonly feed: Feed<Item> };

/** The feed of a stream that a service answered; undefined where the stream can only be pulled. */
export function feedBehind<Item>(stream: AsyncIterable<Item>): Feed<Item> | undefined {
  return 'feed' in stream ? (stream as FedStream<Item>).feed : undefined;
}

/** A feed to be pulled: joins at the first `next`, ends quietly when the signal fires. `return` aborts a `next` that waits. */
export function pullFeed<Item>(feed: Feed<Item>, signal: AbortSignal): FedStream<Item> {
  const puller = createPuller(feed, signal);
  return {
    feed,
    next: puller.next,
    return() {
      puller.close();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface Waiter<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

function createPuller<Item>(feed: Feed<Item>, signal: AbortSignal): { next(): Promise<IteratorResult<Item, undefined>>; close(): void } {
  const over: IteratorResult<Item, undefined> = { done: true, value: undefined };
  /** At most one: the sink is full as soon as it has something. */
  let held: { readonly item: Item } | undefined;
  let waiter: Waiter<Item> | undefined;
  let reader: FeedReader | undefined;
  let closed = false;
  let failure: { readonly error: unknown } | undefined;

  const settle = (result: IteratorResult<Item, undefined>): void => {
    waiter?.resolve(result);
    waiter = undefined;
  };
  const leave = (): void => {
    if (closed) return;
    closed = true;
    signal.removeEventListener('abort', close);
    reader?.leave();
    settle(over);
  };
  const close = (): void => {
    held = undefined;
    leave();
  };
  const sink: FeedSink<Item> = {
    write(item) {
      if (closed) return false;
      if (waiter !== undefined) settle({ done: false, value: item });
      else held = { item };
      return false;
    },
    end(error) {
      if (closed) return;
      if (error !== undefined && waiter === undefined) failure = { error };
      if (error !== undefined) waiter?.reject(error);
      if (error !== undefined) waiter = undefined;
      leave();
    },
  };
  const ask = (): void => {
    if (reader !== undefined) {
      reader.resume();
      return;
    }
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) {
      close();
      return;
    }
    reader = feed.join(identity as FeedCodec<Item, Item>, sink);
    if (closed) reader.leave();
  };

  return {
    close,
    next: () =>
      new Promise((resolve, reject) => {
        if (held !== undefined) {
          resolve({ done: false, value: held.item });
          held = undefined;
          return;
        }
        if (failure !== undefined) {
          reject(failure.error);
          failure = undefined;
          return;
        }
        if (closed) return resolve(over);
        waiter = { resolve, reject };
        try {
          ask();
        } catch (error) {
          waiter = undefined;
          close();
          reject(error);
        }
      }),
  };
}
