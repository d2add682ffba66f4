import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSchema } from '../../gen/es/sboxagent/v1/event_pb.js';
import { WatchEventsResponseSchema } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { encodeMessage } from '../../src/api/codec/binary.ts';
import { jsonWriter } from '../../src/api/codec/json.ts';
import { watchMessage } from '../../src/api/convert/event.ts';
import { firstWithinMessage, type NewEvent, type StoredEvent } from '../../src/events/index.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { eventually, follow, openRoom, scratch } from '../helpers/event-room.ts';

const mib = 1 << 20;
const context = { source: 'test' };
/** As large as attributes may be: 64 of 4 KiB. */
const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, 'v'.repeat(4000)]));
const fat = (count: number): NewEvent[] => Array.from({ length: count }, (_, i) => ({ type: 'fat.event', id: `f${i}`, attributes }));
/** Two bytes a number in JSON, eleven on the wire. */
const numbers = (count: number): NewEvent => ({ type: 'many.numbers', data: { list: Array.from({ length: count }, () => 1) } });
const wire = (events: readonly StoredEvent[]): number =>
  events.reduce((sum, event) => sum + encodeMessage(EventSchema, event).length + 4, 0);

test('messages of a watch that resumes end at 1 MiB, whatever the events are large with', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  for (let n = 0; n < 6; n++)
    await room.journal.publish(
      fat(8).map((event, i) => ({ ...event, id: `f${n}.${i}` })),
      context,
    );
  for (let n = 0; n < 12; n++) await room.journal.publish([numbers(20_000)], context);
  const watching = follow(room.journal, { afterRevision: 0 });
  await eventually(() => watching.revisions().length === 60);
  await watching.stop();
  assert.deepEqual(
    watching.revisions(),
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  const sizes = watching.items.map((item) => encodeMessage(WatchEventsResponseSchema, watchMessage(item)).length);
  assert.ok(Math.max(...sizes) <= mib, `${Math.max(...sizes)} bytes in one message`);
});

test('live messages too: what is published together is cut by its size', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  const watching = follow(room.journal);
  await eventually(() => watching.items.length === 1);
  await room.journal.publish(fat(12), context);
  await eventually(() => watching.revisions().length === 12);
  await watching.stop();
  for (const item of watching.items) assert.ok(encodeMessage(WatchEventsResponseSchema, watchMessage(item)).length <= mib);
});

test('a page of a list ends at 1 MiB and the next one goes on, in both orders', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  await room.journal.publish(fat(10), context);
  for (let n = 0; n < 8; n++) await room.journal.publish([numbers(20_000)], context);
  for (const order of ['asc', 'desc'] as const) {
    const seen: number[] = [];
    let pages = 0;
    for (let cursor: number | undefined; pages === 0 || cursor !== undefined; pages++) {
      const page = await room.journal.list({ order, pageSize: 1000, ...(cursor !== undefined && { cursor }) });
      assert.ok(wire(page.events) <= mib, `${wire(page.events)} bytes in one page`);
      assert.ok(page.events.reduce((sum, event) => sum + jsonWriter(EventSchema)(event).length, 0) <= mib * 1.1);
      seen.push(...page.events.map(({ revision }) => revision));
      cursor = page.nextCursor;
    }
    const all = Array.from({ length: 18 }, (_, i) => i + 1);
    assert.deepEqual(seen, order === 'asc' ? all : all.toReversed());
    assert.ok(pages >= 4, `${pages} pages`);
  }
});

test('what one answer carries of many events ends at 1 MiB too', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  const receipts = await room.journal.publish(fat(9), context);
  const first = firstWithinMessage(receipts.map(({ event }) => event));
  assert.deepEqual([first.length, wire(first) <= mib], [4, true]);
  assert.equal(firstWithinMessage([]).length, 0);
});

test('an event alone may be over a page, and never over what a client takes by default', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  await room.journal.publish([numbers(10), numbers(150_000), numbers(10)], context);
  const first = await room.journal.list({ order: 'asc', pageSize: 10 });
  const second = await room.journal.list({ order: 'asc', pageSize: 10, cursor: first.nextCursor ?? 0 });
  assert.deepEqual([first.events.length, second.events.length, second.nextCursor], [1, 1, 2]);
  assert.ok(wire(second.events) > mib);
  await assert.rejects(
    room.journal.publish([numbers(400_000)], context),
    (error) => error instanceof AgentError && error.violations[0]?.field === 'events[0].data',
  );
});

test('a search whose caller has left ends between two steps', async () => {
  using place = scratch();
  await using room = await openRoom(place);
  for (let n = 0; n < 6; n++) {
    await room.journal.publish(
      Array.from({ length: 1000 }, () => ({ type: 'a.b' })),
      context,
    );
  }
  const stop = new AbortController();
  const searching = room.journal.list({ order: 'desc', pageSize: 10, filter: { text: 'nowhere' }, signal: stop.signal });
  stop.abort(new Error('left'));
  await assert.rejects(searching, /left/);
});
