import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventFeed } from '../../../src/events/feed.ts';
import type { ScanArgs, ScanResult } from '../../../src/events/journal-scan.ts';
import { createRing, type SizedEvent } from '../../../src/events/ring.ts';
import { startingPoint } from '../../../src/events/starting-point.ts';
import type { StoredEvent, WatchItem } from '../../../src/events/types.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { type FeedReader, pullFeed } from '../../../src/kernel/feed.ts';

/** Time that stands still until it is moved; the one ticker of the feed runs by it. */
function stillClock(): Clock & { move(ms: number): void; readonly tickers: () => number } {
  let now = 0;
  const tickers = new Set<{ ms: number; dueMs: number; fn: () => void }>();
  return {
    wallMs: () => now,
    monotonicMs: () => now,
    after: () => assert.fail('a timer for one watcher'),
    every(ms, fn) {
      const ticker = { ms, dueMs: now + ms, fn };
      tickers.add(ticker);
      return () => tickers.delete(ticker);
    },
    sleep: () => assert.fail(),
    move(ms) {
      for (const until = now + ms; now < until; ) {
        now += 50;
        for (const ticker of tickers) {
          if (ticker.dueMs > now) continue;
          ticker.dueMs += ticker.ms;
          ticker.fn();
        }
      }
    },
    tickers: () => tickers.size,
  };
}

const events = (from: number, to: number, type = 'a'): SizedEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ event: { revision: from + i, type } as StoredEvent, bytes: 1 }));
const row = (revision: number) => ({
  revision,
  body: JSON.stringify({ i: `e${revision}`, t: 'a', s: 's', v: 'INFO', p: 50, at: [0, 0], in: [0, 0] }),
});
const revisions = (item: unknown): unknown => {
  const { kind, revision, events: list } = item as WatchItem & { events?: StoredEvent[] };
  return list ? list.map((event) => event.revision) : `${kind} ${revision}`;
};

function setUp(last: number, first = 1) {
  const clock = stillClock();
  const ring = createRing(last);
  const scans: ScanArgs[] = [];
  const answers: Partial<ScanResult>[] = [];
  const state = { first };
  const scan = async (args: ScanArgs): Promise<ScanResult> => {
    scans.push(args);
    const next = answers.shift();
    assert.ok(next, 'a scan that was not expected');
    return { events: [], scanned: 0, done: false, first: 1, last, damaged: false, bytes: 0, full: false, ...next };
  };
  const feed = createEventFeed({ ring, clock, scan, firstKept: () => state.first, last: ring.last });
  /** Frames are shared objects, so that it can be seen who got the same one. */
  const codec = { encode: (item: WatchItem) => ({ item }) };
  const join = (
    options: { afterRevision?: number; filter?: { types: string[] }; room?: number; codec?: typeof codec } = {},
  ): { frames: { item: WatchItem }[]; got(): unknown[]; reader: FeedReader; ends: unknown[] } => {
    const frames: { item: WatchItem }[] = [];
    const ends: unknown[] = [];
    const { room = Number.POSITIVE_INFINITY, codec: of = codec, ...asked } = options;
    const reader = feed.open({ progressEveryMs: 1000, ...asked }).join(of, {
      write: (frame) => frames.push(frame) < room,
      end: (error) => void ends.push(error),
    });
    return { frames, ends, reader, got: () => frames.map(({ item }) => revisions(item)) };
  };
  return { clock, ring, feed, scans, answers, state, codec, join };
}

const turn = () => new Promise(setImmediate);
const rejectsAhead = (error: unknown) => error instanceof AgentError && error.reason === 'REVISION_AHEAD';

test('live: a progress at once, then what is committed, then progress when it is quiet', async () => {
  const { clock, ring, feed, join } = setUp(5);
  const watcher = join();
  assert.deepEqual(watcher.got(), ['progress 5']);
  ring.push(events(6, 7));
  await turn();
  assert.deepEqual(watcher.got().slice(1), [[6, 7]]);
  clock.move(700);
  assert.equal(watcher.frames.length, 2);
  clock.move(300);
  assert.deepEqual(watcher.got().slice(2), ['progress 7']);
  assert.deepEqual([feed.watchers(), clock.tickers()], [1, 1]);
  watcher.reader.leave();
  watcher.reader.leave();
  ring.push(events(8, 8));
  await turn();
  assert.deepEqual([watcher.frames.length, feed.watchers(), clock.tickers()], [3, 0, 0]);
});

test('one frame goes to all of one filter and codec, and one ticker serves them all', async () => {
  const { clock, ring, codec, join } = setUp(0);
  const same = [join(), join(), join({ filter: { types: [] } })];
  const other = [join({ filter: { types: ['a'] } }), join({ codec: { ...codec } })];
  ring.push(events(1, 3));
  await turn();
  assert.equal(new Set(same.map(({ frames }) => frames[1])).size, 1);
  assert.equal(new Set([...same, ...other].map(({ frames }) => frames[1])).size, 3);
  assert.equal(clock.tickers(), 1);
});

test('progress moves over events that the filter does not keep', async () => {
  const { clock, ring, join } = setUp(0);
  const watcher = join({ filter: { types: ['b'] } });
  ring.push(events(1, 9));
  await turn();
  clock.move(1000);
  assert.deepEqual(watcher.got(), ['progress 0', 'progress 9']);
});

test('a watcher whose sink is full gets nothing more until it resumes, then everything it missed; nobody else waits', async () => {
  const { clock, ring, join } = setUp(0);
  const slow = join({ room: 2 });
  const quick = join();
  for (let i = 1; i <= 5; i++) {
    ring.push(events(i, i));
    await turn();
  }
  clock.move(2000);
  assert.deepEqual(slow.got(), ['progress 0', [1]]);
  assert.deepEqual(quick.got().slice(0, 6), ['progress 0', [1], [2], [3], [4], [5]]);
  slow.reader.resume();
  assert.deepEqual(slow.got(), ['progress 0', [1], [2, 3, 4, 5]]);
  slow.reader.resume();
  ring.push(events(6, 6));
  await turn();
  assert.deepEqual(slow.got().at(-1), [6]);
});

test('behind the ring it reads the journal, and comes back to the ring; who asks the same shares the page', async () => {
  const { ring, scans, answers, join } = setUp(10);
  join();
  ring.push(events(11, 12));
  await turn();
  answers.push({ events: [row(8), row(9), row(10)], scanned: 10, last: 12 });
  const watchers = [join({ afterRevision: 7 }), join({ afterRevision: 7 })];
  await turn();
  for (const watcher of watchers)
    assert.deepEqual(watcher.got(), [
      [8, 9, 10],
      [11, 12],
    ]);
  assert.equal(watchers[0]?.frames[0], watchers[1]?.frames[0]);
  assert.deepEqual(
    scans.map((scan) => [scan.from, scan.order]),
    [[7, 'asc']],
  );
  ring.push(events(13, 13));
  await turn();
  assert.deepEqual(watchers[0]?.got().at(-1), [13]);
});

test('while nobody watches nothing is held: who comes then has it from the journal', async () => {
  const { ring, scans, answers, join } = setUp(0);
  join().reader.leave();
  ring.push(events(1, 2));
  assert.equal(ring.last(), 2);
  assert.equal(ring.after(0, { key: '', matches: () => true }), undefined);
  answers.push({ events: [row(1), row(2)], scanned: 2, last: 2 });
  const watcher = join({ afterRevision: 0 });
  ring.push(events(3, 3));
  await turn();
  assert.deepEqual(watcher.got(), [[1, 2], [3]]);
  assert.equal(scans.length, 1);
  assert.throws(() => join({ afterRevision: 9 }), rejectsAhead);
});

test('a hole in what is pushed, and a reset, lead synced watchers over the journal', async () => {
  const { ring, answers, join } = setUp(3);
  const watcher = join();
  answers.push({ events: [row(4)], scanned: 4, last: 5 });
  ring.push(events(5, 5));
  await turn();
  assert.deepEqual(watcher.got(), ['progress 3', [4], [5]]);
  answers.push({ events: [row(6), row(7)], scanned: 7, last: 7 });
  ring.reset(7);
  await turn();
  assert.deepEqual(watcher.got().at(-1), [6, 7]);
  ring.push(events(8, 8));
  await turn();
  assert.deepEqual(watcher.got().at(-1), [8]);
});

test('a long scan without a match is a progress at once', async () => {
  const { answers, join } = setUp(9000);
  answers.push({ scanned: 4000, last: 9000 }, { scanned: 9000, last: 9000, done: true });
  const watcher = join({ afterRevision: 0, filter: { types: ['z'] } });
  await turn();
  assert.deepEqual(watcher.got(), ['progress 4000']);
});

test('compaction that overtook the cursor, and a damaged record, are counted gaps', async () => {
  const { answers, join } = setUp(20);
  answers.push(
    { events: [row(9)], scanned: 9, first: 9, last: 20 },
    { events: [row(9)], scanned: 10, first: 9, last: 20, damaged: true },
    { scanned: 10, first: 9, last: 20, damaged: true },
  );
  const watcher = join({ afterRevision: 3, room: 1 });
  for (let i = 0; i < 3; i++) {
    await turn();
    if (i < 2) watcher.reader.resume();
  }
  assert.deepEqual(watcher.frames[0]?.item, { kind: 'gap', fromRevision: 4, toRevision: 8, count: 5, revision: 8 });
  assert.equal(watcher.frames[1]?.item.revision, 9);
  assert.deepEqual(watcher.frames[2]?.item, { kind: 'gap', fromRevision: 10, toRevision: 10, count: 1, revision: 10 });
});

test('a failed read ends this watcher with the error; a codec that throws ends its group and no other', async () => {
  const { ring, join } = setUp(5);
  const reading = join({ afterRevision: 2 });
  await turn();
  assert.equal(reading.ends.length, 1);
  let broken = false;
  const bad = join({
    codec: {
      encode(item: WatchItem) {
        if (broken) throw new Error('no');
        return { item };
      },
    },
  });
  const good = join();
  broken = true;
  ring.push(events(6, 6));
  await turn();
  assert.deepEqual([bad.ends.length, good.got().at(-1)], [1, [6]]);
});

test('a last word says where to resume; a stop ends all', () => {
  const { feed, join } = setUp(4);
  const one = join();
  one.reader.finish();
  const two = join();
  feed.stop();
  const late = join();
  assert.deepEqual([one.got(), one.ends], [['progress 4', 'progress 4'], []]);
  assert.deepEqual([two.ends, late.ends, feed.watchers()], [[undefined], [undefined], 0]);
});

test('a cursor outside the window is refused with the numbers that help, before anything is written', () => {
  const window = { firstKept: () => 51, last: () => 60 };
  assert.deepEqual(
    [undefined, 0, 50, 55, 60].map((after) => startingPoint(after, window)),
    [60, 50, 50, 55, 60],
  );
  const refused = (after: number, reason: string, metadata: object): void =>
    assert.throws(
      () => startingPoint(after, window),
      (error) => error instanceof AgentError && error.reason === reason && JSON.stringify(error.metadata) === JSON.stringify(metadata),
    );
  refused(49, 'REVISION_COMPACTED', { first_revision: '51' });
  refused(61, 'REVISION_AHEAD', { last_revision: '60' });
  const { feed, join } = setUp(9, 5);
  assert.throws(() => join({ afterRevision: 2 }), { reason: 'REVISION_COMPACTED' });
  assert.equal(feed.watchers(), 0);
});

test('pulled: one item at a time, the missed ones together; return() ends a next() that waits; nothing is left behind', async () => {
  const { ring, feed, clock } = setUp(0);
  const ending = new AbortController();
  const watching = pullFeed(feed.open({ progressEveryMs: 1000 }), ending.signal);
  assert.equal(revisions((await watching.next()).value), 'progress 0');
  for (let i = 1; i <= 3; i++) {
    ring.push(events(i, i));
    await turn();
  }
  assert.deepEqual(revisions((await watching.next()).value), [1, 2, 3]);
  const pending = watching.next();
  await watching.return?.();
  assert.deepEqual([(await pending).done, (await watching.next()).done, feed.watchers(), clock.tickers()], [true, true, 0, 0]);
});

test('pulled: a signal that fires ends it quietly, before it began too; what is wrong from the start is thrown', async () => {
  const { feed } = setUp(9, 5);
  const ending = new AbortController();
  const watching = pullFeed(feed.open({ progressEveryMs: 1000 }), ending.signal);
  await watching.next();
  const pending = watching.next();
  ending.abort();
  assert.equal((await pending).done, true);
  assert.equal((await pullFeed(feed.open({ progressEveryMs: 1000 }), ending.signal).next()).done, true);
  const bad = pullFeed(feed.open({ progressEveryMs: 1000, afterRevision: 1 }), new AbortController().signal);
  await assert.rejects(async () => bad.next(), { reason: 'REVISION_COMPACTED' });
  assert.equal(feed.watchers(), 0);
});
