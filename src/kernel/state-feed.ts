import type { Feed, FeedCodec, FeedReader, FeedSink } from './feed.ts';
import { messageBytes } from './wire-size.ts';

/** Feeds of what there is now: a snapshot, then what changes. For processes, plugins, alerts, health: whoever reads late needs the newest state alone. */

export interface Change<V> {
  readonly items: readonly V[];
  readonly removedIds: readonly string[];
}

/** A set of things with ids that changes. Both are synchronous, so that nothing falls between them. */
export interface Changing<V> {
  list(): readonly V[];
  onChange(fn: (change: Change<V>) => void): () => void;
  /** What a thing takes on the wire, in bytes. Asked only where one message would carry several. */
  sizeOf(item: V): number;
}

export interface WatchedChange<V> extends Change<V> {
  /**
   * Everything that there is, as far as one message goes: what is over follows as changes. Else what is new since the item before.
   */
  readonly snapshot: boolean;
}

export interface StateFeed<V> {
  /** `ids` empty means all. Readers of equal ids share their frames. */
  open(ids: readonly string[]): Feed<WatchedChange<V>>;
  /** How many read. */
  readers(): number;
}

interface Identified {
  readonly id: string;
}

/** Changes that wait for a reader one by one; beyond that they are folded into one, with the newest state of each thing. */
const maxWaiting = 256;

interface Group<V> {
  readonly ids: ReadonlySet<string>;
  readonly codec: FeedCodec<WatchedChange<V>, unknown>;
  readonly readers: Set<Reader<V>>;
  /** Frames of changes that somebody may still be given. */
  readonly frames: WeakMap<WatchedChange<V>, unknown>;
}

interface Reader<V> {
  readonly group: Group<V>;
  readonly sink: FeedSink<unknown>;
  full: boolean;
  waiting: WatchedChange<V>[];
}

export function createStateFeed<V extends Identified>(source: Changing<V>): StateFeed<V> {
  /** By codec, then by the ids. */
  const groups = new Map<object, Map<string, Group<V>>>();
  let count = 0;
  let stopListening: (() => void) | undefined;

  /** A change in messages of at most 1 MiB, unless one thing alone is larger. */
  const parts = (change: WatchedChange<V>): WatchedChange<V>[] => {
    if (change.items.length < 2) return [change];
    const cut = cutBySize(change.items, source.sizeOf);
    return cut.map((items, n) => (n === 0 ? { ...change, items } : { items, removedIds: [], snapshot: false }));
  };
  const give = (reader: Reader<V>, change: WatchedChange<V>): void => {
    if (reader.full) {
      if (reader.waiting.length >= maxWaiting) reader.waiting = parts({ ...fold(reader.waiting), snapshot: false });
      reader.waiting.push(change);
    } else {
      reader.full = !reader.sink.write(frameOf(reader.group, change));
    }
  };
  const changed = (change: Change<V>): void => {
    for (const ofCodec of groups.values()) {
      for (const group of ofCodec.values()) {
        const mine = narrowed(change, group.ids);
        if (mine.items.length === 0 && mine.removedIds.length === 0) continue;
        const news = parts({ ...mine, snapshot: false });
        for (const reader of group.readers) for (const part of news) give(reader, part);
      }
    }
  };
  const leave = (reader: Reader<V>, key: string): void => {
    const { group } = reader;
    if (!group.readers.delete(reader)) return;
    count -= 1;
    const ofCodec = groups.get(group.codec);
    if (group.readers.size === 0) ofCodec?.delete(key);
    if (ofCodec?.size === 0) groups.delete(group.codec);
    if (count > 0) return;
    stopListening?.();
    stopListening = undefined;
  };

  return {
    readers: () => count,
    open: (asked) => ({
      join(codec, sink): FeedReader {
        const key = [...new Set(asked)].sort().join(' ');
        const group = groupOf(groups, codec, { key, ids: new Set(asked) });
        const reader: Reader<V> = { group, sink, full: false, waiting: [] };
        group.readers.add(reader);
        count += 1;
        stopListening ??= source.onChange(changed);
        for (const part of parts({ ...narrowed({ items: source.list(), removedIds: [] }, group.ids), snapshot: true })) give(reader, part);
        return {
          resume() {
            reader.full = false;
            while (!reader.full) {
              const change = reader.waiting.shift();
              if (change === undefined) return;
              give(reader, change);
            }
          },
          // A snapshot is where everybody begins: there is no place to tell.
          finish: () => leave(reader, key),
          leave: () => leave(reader, key),
        };
      },
    }),
  };
}

function groupOf<V>(
  groups: Map<object, Map<string, Group<V>>>,
  codec: FeedCodec<WatchedChange<V>, unknown>,
  { key, ids }: { readonly key: string; readonly ids: ReadonlySet<string> },
): Group<V> {
  const ofCodec = groups.get(codec) ?? new Map<string, Group<V>>();
  groups.set(codec, ofCodec);
  const group = ofCodec.get(key) ?? { ids, codec, readers: new Set(), frames: new WeakMap() };
  ofCodec.set(key, group);
  return group;
}

function frameOf<V>(group: Group<V>, change: WatchedChange<V>): unknown {
  const known = group.frames.get(change);
  if (known !== undefined) return known;
  const frame = group.codec.encode(change);
  group.frames.set(change, frame);
  return frame;
}

/** Runs of items of at most 1 MiB each; one that is larger stands alone. */
function cutBySize<V>(items: readonly V[], sizeOf: (item: V) => number): readonly (readonly V[])[] {
  const runs: V[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    bytes += size;
    if (bytes > messageBytes && runs.at(-1)?.length !== 0) {
      runs.push([]);
      bytes = size;
    }
    runs.at(-1)?.push(item);
  }
  return runs;
}

/** One change that tells the same in the end. */
export function fold<V extends Identified>(changes: readonly Change<V>[]): Change<V> {
  const items = new Map<string, V>();
  const removed = new Set<string>();
  for (const change of changes) {
    for (const item of change.items) {
      removed.delete(item.id);
      items.set(item.id, item);
    }
    for (const id of change.removedIds) {
      items.delete(id);
      removed.add(id);
    }
  }
  return { items: [...items.values()], removedIds: [...removed] };
}

function narrowed<V extends Identified>(change: Change<V>, ids: ReadonlySet<string>): Change<V> {
  if (ids.size === 0) return change;
  return { items: change.items.filter(({ id }) => ids.has(id)), removedIds: change.removedIds.filter((id) => ids.has(id)) };
}

/**
 * A feed of one value: what it is now, then whatever else it becomes. A reader that is behind gets the newest alone. `isNews` tells whether a value says
 * more than the one that was sent last; by default every other one does.
 */
export function newestFeed<V>(
  read: () => V,
  onChange: (fn: () => void) => () => void,
  isNews: (value: V, sent: V) => boolean = (value, sent) => value !== sent,
): Feed<V> {
  return {
    join(codec, sink) {
      let full = false;
      /** Something changed while the sink was full. */
      let missed = false;
      let sent: { readonly value: V } | undefined;
      const send = (): void => {
        missed = full;
        if (full) return;
        const value = read();
        if (sent !== undefined && !isNews(value, sent.value)) return;
        sent = { value };
        full = !sink.write(codec.encode(value));
      };
      const leave = onChange(send);
      send();
      return {
        resume() {
          full = false;
          if (missed) send();
        },
        finish: leave,
        leave,
      };
    },
  };
}
