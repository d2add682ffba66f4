import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { ScanArgs, ScanResult } from '../../../src/events/journal-procedures.ts';
import { createRing } from '../../../src/events/ring.ts';
import type { StoredEvent, WatchItem } from '../../../src/events/types.ts';
import { startingPoint, watch } from '../../../src/events/watcher.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';

/** Time that stands still until it is moved. */
function stillClock(): Clock & { move(ms: number): void; readonly timers: () => number } {
  let now = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  let n = 0;
  return {
    wallMs: () => now,
    monotonicMs: () => now,
    after(ms, fn) {
      const id = ++n;
      timers.set(id, { at: now + ms, fn });
      return () => timers.delete(id);
    },
    every: () => assert.fail(),
    sleep: () => assert.fail(),
    move(ms) {
      now += ms;
      for (const [id, { at, fn }] of [...timers]) {
        if (at > now) continue;
        timers.delete(id);
        fn();
      }
    },
    timers: () => timers.size,
  };
}

const events = (from: number, to: number, type = 'a'): StoredEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ revision: from + i, type }) as StoredEvent);

function setUp(last: number, first = 1) {
  const clock = stillClock();
  const ring = createRing(last, () => 1);
  const scans: ScanArgs[] = [];
  const answers: ScanResult[] = [];
  const state = { first };
  const scan = async (args: ScanArgs): Promise<ScanResult> => {
    scans.push(args);
    const next = answers.shift();
    assert.ok(next, 'a scan that was not expected');
    return next;
  };
  const source = { ring, clock, scan, firstKept: () => state.first, last: ring.last };
  const ending = new AbortController();
  const start = (options: { afterRevision?: number; filter?: { types: string[] } } = {}) =>
    watch(source, { progressEveryMs: 1000, signal: ending.signal, ...options });
  return { clock, ring, scans, answers, state, ending, start };
}

const take = async (watching: AsyncIterator<WatchItem>): Promise<WatchItem> => {
  const next = await watching.next();
  assert.ok(!next.done);
  return next.value;
};
const row = (revision: number) => ({
  revision,
  body: JSON.stringify({ i: `e${revision}`, t: 'a', s: 's', v: 'INFO', p: 50, at: [0, 0], in: [0, 0] }),
});

test('live: a progress at once, then batches, then progress when it is quiet', async () => {
  const { clock, ring, start, ending } = setUp(5);
  const watching = start();
  assert.deepEqual(await take(watching), { kind: 'progress', revision: 5 });
  const pending = take(watching);
  ring.push(events(6, 7));
  const item = await pending;
  assert.deepEqual([item.kind, item.revision], ['events', 7]);
  const quiet = take(watching);
  await new Promise(setImmediate);
  clock.move(999);
  clock.move(1);
  assert.deepEqual(await quiet, { kind: 'progress', revision: 7 });
  const last = watching.next();
  await new Promise(setImmediate);
  assert.deepEqual([clock.timers(), ring.listeners(), getEventListeners(ending.signal, 'abort').length], [1, 1, 1]);
  ending.abort();
  assert.equal((await last).done, true);
  assert.deepEqual([clock.timers(), ring.listeners(), getEventListeners(ending.signal, 'abort').length], [0, 0, 0]);
});

test('two watchers get the same array object', async () => {
  const { ring, start, ending } = setUp(0);
  const watchers = [start(), start(), start({ filter: { types: ['**'] } })];
  await Promise.all(watchers.map(take));
  const pending = Promise.all(watchers.map(take));
  ring.push(events(1, 3));
  const arrays = (await pending).map((item) => item.kind === 'events' && item.events);
  assert.equal(new Set(arrays).size, 1);
  ending.abort();
});

test('progress moves over events that the filter does not keep', async () => {
  const { clock, ring, start, ending } = setUp(0);
  const watching = start({ filter: { types: ['b'] } });
  await take(watching);
  const pending = take(watching);
  ring.push(events(1, 9));
  await new Promise(setImmediate);
  clock.move(1000);
  assert.deepEqual(await pending, { kind: 'progress', revision: 9 });
  ending.abort();
});

test('behind the ring it reads the journal, and comes back to the ring', async () => {
  const { ring, scans, answers, start, ending } = setUp(10);
  ring.push(events(11, 12));
  await Promise.resolve();
  answers.push({ events: [row(8), row(9), row(10)], scanned: 10, done: false, first: 1, last: 12, damaged: false });
  const watching = start({ afterRevision: 7 });
  assert.equal((await take(watching)).revision, 10);
  assert.equal((await take(watching)).revision, 12);
  assert.deepEqual(
    scans.map((scan) => [scan.from, scan.order]),
    [[7, 'asc']],
  );
  ending.abort();
});

test('a long scan without a match is a progress at once', async () => {
  const { answers, start, ending } = setUp(9000);
  answers.push({ events: [], scanned: 4000, done: false, first: 1, last: 9000, damaged: false });
  assert.deepEqual(await take(start({ afterRevision: 0, filter: { types: ['z'] } })), { kind: 'progress', revision: 4000 });
  ending.abort();
});

test('compaction that overtook the cursor, and a damaged record, are counted gaps', async () => {
  const { answers, start, ending } = setUp(20);
  answers.push(
    { events: [row(9)], scanned: 9, done: false, first: 9, last: 20, damaged: false },
    { events: [row(9)], scanned: 10, done: false, first: 9, last: 20, damaged: true },
    { events: [], scanned: 10, done: false, first: 9, last: 20, damaged: true },
  );
  const watching = start({ afterRevision: 3 });
  assert.deepEqual(await take(watching), { kind: 'gap', fromRevision: 4, toRevision: 8, count: 5, revision: 8 });
  assert.equal((await take(watching)).revision, 9);
  assert.deepEqual(await take(watching), { kind: 'gap', fromRevision: 10, toRevision: 10, count: 1, revision: 10 });
  ending.abort();
});

test('a cursor outside the window is refused with the numbers that help', () => {
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
});

test('a watch that was aborted before it began ends without a word', async () => {
  const { start, ending } = setUp(3);
  ending.abort();
  assert.equal((await start().next()).done, true);
});
