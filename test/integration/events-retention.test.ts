import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { eventually, follow, openRoom, scratch } from '../helpers/event-room.ts';

const far = { ageMs: 1e12, bytes: 1e12, count: 1e9 };
const many = (n: number, size = 0) =>
  Array.from({ length: n }, () => ({ type: 'a.b', ...(size > 0 && { data: { pad: 'x'.repeat(size) } }) }));

test('what is over the count is gone within 5 s, also when the limit is lowered; the figures follow', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir, retention: { ...far, count: 100 } });
  const { journal } = room;
  for (let n = 0; n < 3; n++) await journal.publish(many(900), { source: 's' });
  await eventually(() => journal.stats().count === 100);
  const { firstRevision, lastRevision, bytes } = journal.stats();
  assert.deepEqual([firstRevision, lastRevision], [2601, 2700]);
  journal.setRetention({ ...far, count: 10 });
  await eventually(() => journal.stats().count === 10);
  assert.ok(journal.stats().bytes * 9 < bytes && journal.stats().bytes > 0);
  const kept = await journal.list({ order: 'asc', pageSize: 100 });
  assert.deepEqual([kept.events.length, kept.events[0]?.revision], [10, 2691]);
});

test('what is over the bytes is gone, and the figures are those that a restart counts', async () => {
  using tmp = scratch();
  let before = {};
  {
    await using room = await openRoom({ dir: tmp.dir, retention: { ...far, bytes: 100_000 } });
    const { journal } = room;
    for (let n = 0; n < 5; n++) await journal.publish(many(100, 1000), { source: 's' });
    await eventually(() => journal.stats().bytes <= 100_000);
    assert.ok(journal.stats().bytes > 90_000);
    before = journal.stats();
  }
  await using room = await openRoom({ dir: tmp.dir });
  assert.deepEqual(room.journal.stats(), before);
});

test('age follows the uptime: a wall clock that jumps deletes nothing, time that passes does; revisions go on when all is gone', async () => {
  using tmp = scratch();
  let jumpMs = 0;
  let uptimeMs = 1000;
  const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + jumpMs, monotonicMs: () => systemClock.monotonicMs() + uptimeMs };
  const options = { dir: tmp.dir, clock, retention: { ...far, ageMs: 3_600_000 }, boot: { id: 'one', uptimeMs: () => uptimeMs } };
  {
    await using room = await openRoom(options);
    const { journal } = room;
    await journal.publish(many(5), { source: 's' });
    jumpMs = 400 * 86_400_000;
    await systemClock.sleep(1300);
    assert.equal(journal.stats().count, 5);
    jumpMs = -jumpMs;
    await journal.publish(many(1), { source: 's' });
    assert.equal((await journal.list({ order: 'desc', pageSize: 1 })).events[0]?.revision, 6);
    uptimeMs += 3_700_000;
    await eventually(() => journal.stats().count === 0);
    assert.deepEqual([journal.stats().firstRevision, journal.stats().lastRevision], [0, 6]);
  }
  await using room = await openRoom(options);
  const [receipt] = await room.journal.publish(many(1), { source: 's' });
  assert.equal(receipt?.event.revision, 7);
});

test('compaction under a watcher that sleeps: one counted gap, then everything kept; a cursor before the window is refused', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir, retention: far });
  const { journal } = room;
  await journal.publish(many(1), { source: 's' });
  const ending = new AbortController();
  const sleeper = journal.watch({ afterRevision: 0, progressEveryMs: 1000, signal: ending.signal })[Symbol.asyncIterator]();
  assert.equal((await sleeper.next()).value?.revision, 1);
  for (let n = 0; n < 10; n++) await journal.publish(many(1000), { source: 's' });
  journal.setRetention({ ...far, count: 50 });
  await eventually(() => journal.stats().count === 50);
  const gap = (await sleeper.next()).value;
  assert.ok(gap?.kind === 'gap');
  assert.deepEqual([gap.fromRevision, gap.count, gap.revision], [2, gap.toRevision - 1, gap.toRevision]);
  const next = (await sleeper.next()).value;
  assert.ok(next?.kind === 'events' && next.events[0]?.revision === gap.toRevision + 1);
  ending.abort();
  await sleeper.next();
  const refused = journal.watch({ afterRevision: 5, progressEveryMs: 1000, signal: new AbortController().signal })[Symbol.asyncIterator]();
  await assert.rejects(refused.next(), (error: { reason?: string; metadata?: object; message: string }) => {
    assert.deepEqual([error.reason, error.metadata], ['REVISION_COMPACTED', { first_revision: '9952' }]);
    return error.message.includes('9952');
  });
  const ahead = journal
    .watch({ afterRevision: 10_002, progressEveryMs: 1000, signal: new AbortController().signal })
    [Symbol.asyncIterator]();
  await assert.rejects(ahead.next(), { reason: 'REVISION_AHEAD', metadata: { last_revision: '10001' } });
  const whole = follow(journal, { afterRevision: 0 });
  await eventually(() => whole.revisions().length === 50);
  await whole.stop();
});
