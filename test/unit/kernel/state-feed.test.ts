import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FeedReader, pullFeed } from '../../../src/kernel/feed.ts';
import { type Change, createStateFeed, fold, newestFeed, type WatchedChange } from '../../../src/kernel/state-feed.ts';

interface Thing {
  readonly id: string;
  readonly n: number;
}

/** A set of things that tells of its changes. */
function things(...first: Thing[]) {
  const all = new Map(first.map((thing) => [thing.id, thing]));
  const listeners = new Set<(change: Change<Thing>) => void>();
  const tell = (change: Change<Thing>): void => {
    for (const fn of listeners) fn(change);
  };
  return {
    listeners,
    list: () => [...all.values()],
    sizeOf: ({ n }: Thing) => n,
    onChange(fn: (change: Change<Thing>) => void) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    set(thing: Thing) {
      all.set(thing.id, thing);
      tell({ items: [thing], removedIds: [] });
    },
    remove(id: string) {
      all.delete(id);
      tell({ items: [], removedIds: [id] });
    },
  };
}

type Frame = { readonly change: WatchedChange<Thing> };
const codec = { encode: (change: WatchedChange<Thing>): Frame => ({ change }) };

function join(
  feed: ReturnType<typeof createStateFeed<Thing>>,
  ids: string[] = [],
  room = Number.POSITIVE_INFINITY,
): { frames: Frame[]; reader: FeedReader } {
  const frames: Frame[] = [];
  return { frames, reader: feed.open(ids).join(codec, { write: (frame) => frames.push(frame) < room, end() {} }) };
}

const told = (frames: readonly Frame[]): unknown =>
  frames.map(({ change }) => [change.snapshot, change.items.map(({ id, n }) => `${id}${n}`).join(), change.removedIds.join()]);

test('a snapshot, then changes; equal readers share frames; nobody is listened to when nobody reads', () => {
  const source = things({ id: 'a', n: 1 }, { id: 'b', n: 1 });
  const feed = createStateFeed(source);
  const all = [join(feed), join(feed)];
  const one = join(feed, ['b']);
  source.set({ id: 'a', n: 2 });
  source.set({ id: 'b', n: 2 });
  source.remove('a');
  assert.deepEqual(told(all[0]?.frames ?? []), [
    [true, 'a1,b1', ''],
    [false, 'a2', ''],
    [false, 'b2', ''],
    [false, '', 'a'],
  ]);
  assert.deepEqual(told(one.frames), [
    [true, 'b1', ''],
    [false, 'b2', ''],
  ]);
  for (let i = 1; i < 4; i++) assert.equal(all[0]?.frames[i], all[1]?.frames[i]);
  assert.deepEqual([feed.readers(), source.listeners.size], [3, 1]);
  for (const { reader } of [...all, one, ...all]) reader.leave();
  source.set({ id: 'c', n: 1 });
  assert.deepEqual([feed.readers(), source.listeners.size, one.frames.length], [0, 0, 2]);
});

test('a reader that is behind delays nobody, gets what waits one by one, and beyond a bound the newest state of each', () => {
  const source = things({ id: 'a', n: 0 });
  const feed = createStateFeed(source);
  const slow = join(feed, [], 1);
  const quick = join(feed);
  for (let n = 1; n <= 1000; n++) source.set({ id: 'a', n });
  assert.deepEqual([slow.frames.length, quick.frames.length], [1, 1001]);
  for (let last = 0; last < 1000; ) {
    slow.reader.resume();
    const newest = slow.frames.at(-1)?.change.items[0]?.n ?? 0;
    assert.ok(newest > last, 'in order, and each once');
    last = newest;
  }
  assert.ok(slow.frames.length <= 258, String(slow.frames.length));
});

test('folded: the newest state of each', () => {
  const folded = fold<Thing>([
    {
      items: [
        { id: 'a', n: 1 },
        { id: 'b', n: 1 },
      ],
      removedIds: [],
    },
    { items: [], removedIds: ['b'] },
    { items: [{ id: 'a', n: 2 }], removedIds: ['c'] },
  ]);
  assert.deepEqual([folded.items, folded.removedIds], [[{ id: 'a', n: 2 }], ['b', 'c']]);
});

test('pulled, it ends with its signal and leaves nothing behind', async () => {
  const source = things();
  const feed = createStateFeed(source);
  const ending = new AbortController();
  const changes = pullFeed(feed.open([]), ending.signal);
  assert.equal((await changes.next()).value?.snapshot, true);
  const pending = changes.next();
  source.set({ id: 'x', n: 1 });
  assert.deepEqual((await pending).value?.items, [{ id: 'x', n: 1 }]);
  ending.abort();
  assert.equal((await changes.next()).done, true);
  assert.equal(source.listeners.size, 0);
});

test('of one value a reader that is behind gets the newest alone, and none twice', () => {
  let value = 'up';
  let tell = (): void => {};
  const feed = newestFeed(
    () => value,
    (fn) => {
      tell = fn;
      return () => {
        tell = () => {};
      };
    },
  );
  const frames: string[] = [];
  let room = true;
  const reader = feed.join({ encode: (word: string) => word }, { write: (frame) => frames.push(frame) > 0 && room, end() {} });
  tell();
  room = false;
  for (const next of ['down', 'up', 'down', 'sick']) {
    value = next;
    tell();
  }
  room = true;
  reader.resume();
  reader.leave();
  value = 'gone';
  tell();
  assert.deepEqual(frames, ['up', 'down', 'sick']);
});

test('no message carries more than 1 MiB of several things: the first part is the snapshot, the rest follows it', () => {
  const mib = 1 << 20;
  const source = things(
    { id: 'a', n: mib - 10 },
    { id: 'b', n: 5 },
    { id: 'c', n: 3 * mib },
    { id: 'd', n: mib / 2 },
    { id: 'e', n: mib / 2 },
  );
  const feed = createStateFeed(source);
  const parts = (frames: readonly Frame[]): unknown =>
    frames.map(({ change }) => [change.snapshot, change.items.map(({ id }) => id).join('')]);
  const whole = [
    [true, 'ab'],
    [false, 'c'],
    [false, 'de'],
  ];
  const fast = join(feed);
  assert.deepEqual(parts(fast.frames), whole);
  // One that is behind has the rest waiting, and what is folded for it is cut as well.
  const slow = join(feed, [], 1);
  for (let n = 0; n < 300; n++) for (const id of ['d', 'f']) source.set({ id, n: mib / 2 + n });
  const frames: Frame[] = slow.frames;
  assert.deepEqual(parts(frames), [[true, 'ab']]);
  for (let n = 0; n < 1000; n++) slow.reader.resume();
  for (const { change } of frames) assert.ok(change.items.length === 1 || change.items.reduce((sum, item) => sum + item.n, 0) <= mib);
  assert.deepEqual(
    new Map(frames.flatMap(({ change }) => change.items.map(({ id, n }) => [id, n]))),
    new Map(source.list().map(({ id, n }) => [id, n])),
  );
});
