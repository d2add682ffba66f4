import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter } from '../../../src/events/filter.ts';
import { createRing, type Run, ringFilter, type SizedEvent } from '../../../src/events/ring.ts';
import type { StoredEvent } from '../../../src/events/types.ts';

const limits = { events: 10, bytes: 1e9, batchEvents: 4, batchBytes: 100 };
const range = (from: number, to: number, bytes = 1): SizedEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    event: { revision: from + i, type: (from + i) % 2 ? 'odd' : 'even' } as StoredEvent,
    bytes,
  }));
const all = ringFilter(undefined, compileFilter);
const odd = () => ringFilter({ types: ['odd'] }, compileFilter);
const revisions = (run: Run | undefined): readonly number[] => (run?.events ?? []).map((event) => event.revision);
const turn = () => Promise.resolve();

test('what is pushed in one turn is one batch, cut by count and bytes', async () => {
  const ring = createRing(0, limits);
  ring.push(range(1, 1));
  ring.push(range(2, 3));
  assert.equal(ring.last(), 0);
  await turn();
  assert.deepEqual(
    [ring.last(), revisions(ring.after(0, all)), revisions(ring.after(2, all)), ring.after(3, all)],
    [3, [1, 2, 3], [3], undefined],
  );
  ring.push(range(4, 9));
  await turn();
  assert.deepEqual([ring.after(3, all)?.last, revisions(ring.after(7, all))], [7, [8, 9]]);
  const heavy = createRing(0, limits);
  heavy.push(range(1, 2, 60));
  await turn();
  assert.deepEqual([heavy.after(0, all)?.last, heavy.after(1, all)?.last], [1, 2]);
});

test('equal filters get the same array; one that keeps everything gets that of no filter', async () => {
  const ring = createRing(0, limits);
  ring.push(range(1, 4));
  await turn();
  assert.equal(ring.after(0, odd())?.events, ring.after(0, odd())?.events);
  assert.deepEqual(revisions(ring.after(0, odd())), [1, 3]);
  assert.equal(ring.after(0, ringFilter({ types: ['**'] }, compileFilter))?.events, ring.after(0, all)?.events);
});

test('a watcher that is behind is given several batches at once, as far as one message goes', async () => {
  const ring = createRing(0, limits);
  for (let i = 1; i <= 6; i++) {
    ring.push(range(i, i));
    await turn();
  }
  assert.deepEqual(
    [revisions(ring.after(0, all)), revisions(ring.after(4, all))],
    [
      [1, 2, 3, 4],
      [5, 6],
    ],
  );
  assert.equal(ring.after(0, all)?.events, ring.after(0, all)?.events, 'put together once for all');
  assert.deepEqual(
    [revisions(ring.after(1, odd())), ring.after(1, odd())?.last],
    [[3, 5], 5],
    'no more batches are looked at than one message may have events',
  );
});

test('the oldest batches go by count, and a hole begins the ring anew', async () => {
  const ring = createRing(0, limits);
  for (let i = 1; i <= 20; i += 2) {
    ring.push(range(i, i + 1));
    await turn();
  }
  assert.deepEqual([ring.after(9, all), revisions(ring.after(10, all))[0]], [undefined, 11]);
  ring.push(range(30, 31));
  await turn();
  assert.deepEqual([ring.after(19, all), ring.after(29, all)?.last, ring.last()], [undefined, 31, 31]);
});

test('the listener is pushed what follows without a hole, and told where it broke off', async () => {
  const ring = createRing(5, limits);
  const told: unknown[] = [];
  ring.onNews({
    push: (batches) => told.push(batches.map(({ first, last }) => [first, last])),
    broken: (newest) => told.push(newest),
  });
  ring.push(range(6, 6));
  ring.push(range(7, 7));
  assert.deepEqual(told, []);
  await turn();
  ring.push(range(8, 12));
  ring.settle();
  assert.equal(ring.last(), 12);
  await turn();
  ring.push(range(14, 14));
  await turn();
  ring.reset(20);
  assert.deepEqual(told, [
    [[6, 7]],
    [
      [8, 11],
      [12, 12],
    ],
    12,
    14,
  ]);
  assert.deepEqual([ring.last(), ring.after(19, all)], [20, undefined]);
});
