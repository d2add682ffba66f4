import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter } from '../../../src/events/filter.ts';
import { createRing, ringFilter } from '../../../src/events/ring.ts';
import type { StoredEvent } from '../../../src/events/types.ts';

const limits = { events: 10, bytes: 1e9, batchEvents: 4, batchBytes: 100 };
const range = (from: number, to: number): StoredEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ revision: from + i, type: (from + i) % 2 ? 'odd' : 'even' }) as StoredEvent);
const all = ringFilter(undefined, compileFilter);
const odd = () => ringFilter({ types: ['odd'] }, compileFilter);
const turn = () => Promise.resolve();

test('what is pushed in one turn is one batch, cut by count and bytes', async () => {
  const ring = createRing(0, () => 1, limits);
  ring.push(range(1, 1));
  ring.push(range(2, 3));
  assert.equal(ring.last(), 0);
  await turn();
  assert.deepEqual([ring.last(), ring.after(0)?.first, ring.after(0)?.last, ring.after(2)?.last, ring.after(3)], [3, 1, 3, 3, undefined]);
  ring.push(range(4, 9));
  await turn();
  assert.deepEqual([ring.after(3)?.last, ring.after(7)?.first], [7, 8]);
  const heavy = createRing(0, () => 60, limits);
  heavy.push(range(1, 2));
  await turn();
  assert.deepEqual([heavy.after(0)?.last, heavy.after(1)?.last], [1, 2]);
});

test('equal filters get the same array; one that keeps everything gets that of no filter', async () => {
  const ring = createRing(0, () => 1, limits);
  ring.push(range(1, 4));
  await turn();
  const batch = ring.after(0);
  assert.ok(batch);
  assert.equal(batch.select(odd()), batch.select(odd()));
  assert.deepEqual(
    batch.select(odd()).map((event) => event.revision),
    [1, 3],
  );
  assert.equal(batch.select(ringFilter({ types: ['**'] }, compileFilter)), batch.select(all));
});

test('the oldest batches go by count, and a hole begins the ring anew', async () => {
  const ring = createRing(0, () => 1, limits);
  for (let i = 1; i <= 20; i += 2) {
    ring.push(range(i, i + 1));
    await turn();
  }
  assert.deepEqual([ring.after(9), ring.after(10)?.first], [undefined, 11]);
  ring.push(range(30, 31));
  await turn();
  assert.deepEqual([ring.after(19), ring.after(29)?.last, ring.last()], [undefined, 31, 31]);
});

test('listeners are woken once, and a reset wakes them too', async () => {
  const ring = createRing(5, () => 1, limits);
  let woken = 0;
  ring.onNews(() => woken++);
  const leave = ring.onNews(() => assert.fail());
  leave();
  ring.push(range(6, 6));
  ring.push(range(7, 7));
  await turn();
  assert.deepEqual([woken, ring.listeners()], [1, 0]);
  ring.onNews(() => woken++);
  ring.reset(12);
  assert.deepEqual([woken, ring.last(), ring.after(11)], [2, 12, undefined]);
});
