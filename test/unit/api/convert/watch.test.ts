import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WatchEventsResponseSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { encodeMessage } from '../../../../src/api/codec/binary.ts';
import { watchMessage } from '../../../../src/api/convert/watch.ts';
import type { StoredEvent, WatchItem } from '../../../../src/events/types.ts';
import { storedEvent } from '../../../helpers/api-fakes.ts';

/** An event that counts how often it is turned into a message. */
function counted(revision: number, count: { reads: number }): StoredEvent {
  const event = storedEvent(revision, { data: { n: revision, __proto__x: null } });
  return Object.defineProperty(event, 'subject', {
    get: () => {
      count.reads += 1;
      return 'counted';
    },
  });
}

it('an event is turned into a message once, for whatever filter and codec', () => {
  const count = { reads: 0 };
  const events = [1, 2, 3].map((revision) => counted(revision, count));
  const item: WatchItem = { kind: 'events', events, revision: 3 };
  const bytes = encodeMessage(WatchEventsResponseSchema, watchMessage(item));
  assert.deepEqual(encodeMessage(WatchEventsResponseSchema, watchMessage(item)), bytes);
  watchMessage({ kind: 'events', events: events.slice(1), revision: 3 });
  assert.equal(count.reads, 3);
});

it('says its own revision even when the events are the same', () => {
  const events = [storedEvent(1, {})];
  assert.equal(watchMessage({ kind: 'events', events, revision: 9 }).revision, 9n);
  assert.equal(watchMessage({ kind: 'events', events, revision: 3 }).revision, 3n);
});

it('progress and gap', () => {
  const progress = watchMessage({ kind: 'progress', revision: 5 });
  assert.deepEqual([progress.progress?.revision, progress.revision], [5n, 5n]);
  const gap = watchMessage({ kind: 'gap', fromRevision: 2, toRevision: 4, count: 3, revision: 4 });
  assert.deepEqual([gap.gap?.fromRevision, gap.gap?.toRevision, gap.gap?.count, gap.revision], [2n, 4n, 3n, 4n]);
});
