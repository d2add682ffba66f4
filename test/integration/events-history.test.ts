import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenJournal, StoredEvent } from '../../src/events/index.ts';
import { eventually, follow, openRoom, scratch } from '../helpers/event-room.ts';

const publishers = 6;
const rounds = 60;

/** Everything that is kept, oldest first. */
async function truth(journal: OpenJournal): Promise<readonly StoredEvent[]> {
  const all: StoredEvent[] = [];
  for (let cursor = 0; ; ) {
    const page = await journal.list({ order: 'asc', pageSize: 700, cursor });
    all.push(...page.events);
    if (page.nextCursor === undefined) return all;
    cursor = page.nextCursor;
  }
}

async function publishAll(journal: OpenJournal): Promise<void> {
  const publisher = async (p: number): Promise<void> => {
    for (let n = 0; n < rounds; n++) {
      const events = Array.from({ length: 1 + ((n + p) % 40) }, (_, i) => ({
        type: i % 3 ? 'odd.one' : 'third.one',
        id: `p${p}-${n}-${i}`,
      }));
      const receipts = await journal.publish(events, { source: `s${p}` });
      const revisions = receipts.map((receipt) => receipt.event.revision);
      assert.deepEqual(
        revisions,
        [...revisions].sort((a, b) => a - b),
      );
    }
  };
  await Promise.all(Array.from({ length: publishers }, (_, p) => publisher(p)));
}

/** Watches in pieces: leaves after a few messages and comes back where it was. */
async function reconnecting(journal: OpenJournal, done: () => number | undefined): Promise<readonly number[]> {
  const revisions: number[] = [];
  let cursor = 0;
  while (cursor < (done() ?? Number.POSITIVE_INFINITY)) {
    const leave = new AbortController();
    let messages = 0;
    for await (const item of journal.watch({ afterRevision: cursor, progressEveryMs: 20, signal: leave.signal })) {
      assert.notEqual(item.kind, 'gap');
      if (item.kind === 'events') revisions.push(...item.events.map((event) => event.revision));
      assert.ok(item.revision >= cursor);
      cursor = item.revision;
      if (++messages === 3) break;
    }
  }
  return revisions;
}

test('histories: fast, slow, filtered, late and reconnecting watchers all see the same story, in order, once, without holes', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir });
  const { journal } = room;
  const fast = [follow(journal), follow(journal)];
  const slow = follow(journal, { pauseMs: 25 });
  const filtered = follow(journal, { filter: { types: ['third.*'], sources: ['s1', 's2'] } });
  await eventually(() => journal.watchers() === 4);
  let last: number | undefined;
  const broken = reconnecting(journal, () => last);
  await publishAll(journal);
  last = journal.stats().lastRevision;
  const late = follow(journal, { afterRevision: 0 });
  const watchers = [...fast, slow, filtered, late];
  await eventually(() => watchers.every((watcher) => watcher.cursor() === last));
  const all = await truth(journal);
  const revisions = all.map((event) => event.revision);
  assert.deepEqual(
    revisions,
    Array.from({ length: all.length }, (_, i) => i + 1),
  );
  assert.equal(all.length, new Set(all.map((event) => `${event.source}/${event.id}`)).size);
  for (const [name, watcher] of Object.entries({ fast: fast[0], fast2: fast[1], slow, late }))
    assert.deepEqual(watcher?.revisions(), revisions, name);
  const kept = all.filter((event) => event.type === 'third.one' && ['s1', 's2'].includes(event.source));
  assert.deepEqual(
    filtered.ids(),
    kept.map((event) => event.id),
  );
  assert.deepEqual(await broken, revisions);
  const arrays = fast.map((watcher) => watcher.items.flatMap((item) => (item.kind === 'events' ? [item.events] : [])));
  assert.ok(
    arrays[0]?.every((array, i) => array === arrays[1]?.[i]),
    'watchers without a filter share their batches',
  );
  await Promise.all(watchers.map((watcher) => watcher.stop()));
  assert.equal(journal.watchers(), 0);
});

test('a watcher that does not read delays nobody', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir });
  const { journal } = room;
  const never = journal.watch({ afterRevision: 0, progressEveryMs: 1000, signal: new AbortController().signal })[Symbol.asyncIterator]();
  await never.next();
  const reader = follow(journal);
  for (let n = 0; n < 50; n++) await journal.publish([{ type: 'a.b', data: { n } }], { source: 's' });
  await eventually(() => reader.revisions().length === 50);
  await never.return?.();
  await reader.stop();
  assert.equal(journal.watchers(), 0);
});

test('a watch goes on over a restart of the agent', async () => {
  using tmp = scratch();
  let cursor = 0;
  const seen: number[] = [];
  for (let run = 0; run < 3; run++) {
    await using room = await openRoom({ dir: tmp.dir });
    for (let n = 0; n < 30; n++) await room.journal.publish([{ type: 'a.b' }], { source: 's' });
    const watcher = follow(room.journal, { afterRevision: cursor });
    const goal = (run + 1) * 30 - 7;
    await eventually(() => watcher.cursor() >= goal);
    await watcher.stop();
    cursor = watcher.cursor();
    seen.push(...watcher.revisions());
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 90 }, (_, i) => i + 1),
  );
});

test('duplicates: within a batch, across batches, across a restart; none burns a revision', async () => {
  using tmp = scratch();
  const told: (readonly [number, boolean])[] = [];
  for (let run = 0; run < 2; run++) {
    await using room = await openRoom({ dir: tmp.dir });
    for (const id of ['x', 'y']) {
      const receipts = await room.journal.publish(
        [
          { type: 'a.b', id, data: { run } },
          { type: 'a.c', id },
          { type: 'a.d', id, source: 'other' },
        ],
        { source: 's' },
      );
      told.push(...receipts.map(({ event, duplicate }) => [event.revision, duplicate] as const));
      assert.deepEqual([receipts[1]?.event.type, receipts[1]?.event.data], ['a.b', { run: 0 }], 'the first one is answered');
    }
    assert.equal(room.value('sboxagent_events_deduplicated_total{}'), run === 0 ? 2 : 6);
    assert.equal(room.value('sboxagent_events_last_revision{}'), 4);
    assert.deepEqual([(await room.journal.get('x', 's')).type, (await room.journal.get('x')).type], ['a.b', 'a.d']);
    await assert.rejects(room.journal.get('nobody'), { reason: 'EVENT_NOT_FOUND' });
  }
  const first = [
    [1, false],
    [1, true],
    [2, false],
    [3, false],
    [3, true],
    [4, false],
  ];
  assert.deepEqual(told, [...first, ...first.map(([revision]) => [revision, true])]);
});

test('a batch with a bad event stores none; an emitted event has its place beside the published', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir });
  const { journal } = room;
  await assert.rejects(journal.publish([{ type: 'a.b' }, { type: '' }], { source: 's' }), { reason: 'INVALID_REQUEST' });
  for (let n = 0; n < 600; n++) journal.emit({ type: 'process.started', subject: `p${n}` });
  journal.emit({ type: 'Not A Type' });
  await eventually(() => journal.stats().count === 600);
  const page = await journal.list({ order: 'asc', pageSize: 1000, filter: { sources: ['sboxagent'] } });
  assert.deepEqual(
    page.events.map((event) => event.subject),
    Array.from({ length: 600 }, (_, n) => `p${n}`),
  );
  assert.equal(room.value('sboxagent_events_dropped_total{refused}'), 1);
});

test('pages: both orders, every page size, filters over more rows than one scan looks at, and new events do not shift a walk', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir });
  const { journal } = room;
  for (let b = 0; b < 11; b++) {
    const events = Array.from({ length: 1000 }, (_, i) => ({
      type: i === 500 ? 'rare.one' : 'usual.one',
      subject: `s${i % 2}`,
      data: { text: `n${b}-${i}` },
    }));
    await journal.publish(events, { source: 's' });
  }
  for (const order of ['asc', 'desc'] as const) {
    const revisions = [];
    let cursor: number | undefined;
    do {
      const filter = { types: ['rare.*'] };
      const page = await journal.list({ order, pageSize: 4, filter, ...(cursor !== undefined && { cursor }) });
      revisions.push(...page.events.map((event) => event.revision));
      cursor = page.nextCursor;
      await journal.publish([{ type: 'usual.one' }], { source: 's' });
    } while (cursor !== undefined);
    const want = Array.from({ length: 11 }, (_, b) => b * 1000 + 501);
    assert.deepEqual(revisions, order === 'asc' ? want : want.reverse());
  }
  const exact = await journal.list({ order: 'desc', pageSize: 11, filter: { types: ['rare.one'] } });
  assert.deepEqual([exact.events.length, exact.nextCursor], [11, undefined]);
  const text = await journal.list({ order: 'asc', pageSize: 5, filter: { text: 'N10-999' } });
  assert.deepEqual(
    text.events.map((event) => event.data),
    [{ text: 'n10-999' }],
  );
  const subject = await journal.list({ order: 'desc', pageSize: 3, filter: { subjects: ['s1'], minSeverity: 'INFO' } });
  assert.deepEqual(
    subject.events.map((event) => event.revision),
    [11_000, 10_998, 10_996],
  );
  const none = await journal.list({ order: 'asc', pageSize: 3, filter: { since: { seconds: 9e9, nanos: 0 } } });
  assert.deepEqual(none, { events: [] });
});

test('who saw a state of the agent finds the event of it: a list waits for what the agent said before', async () => {
  using tmp = scratch();
  await using room = await openRoom({ dir: tmp.dir });
  const { journal } = room;
  for (let n = 1; n <= 50; n++) {
    for (let i = 0; i < 300; i++) journal.emit({ type: 'a.b', subject: `${n}` });
    const said = journal.publish([{ type: 'alert.firing', subject: `${n}` }], { source: 'sboxagent', inside: true });
    const { events } = await journal.list({ order: 'desc', pageSize: 1000, filter: { subjects: [`${n}`] } });
    assert.equal(events.length, 301);
    await said;
  }
});
