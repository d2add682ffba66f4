import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { WatchEventsResponseSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { restJson, restText } from '../../../../src/api/convert/json.ts';
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

describe('a watcher batch', () => {
  const count = { reads: 0 };
  const events = [1, 2, 3].map((revision) => counted(revision, count));
  const item: WatchItem = { kind: 'events', events, revision: 3 };

  it('is encoded once for all watchers, and each event once for all filters', () => {
    const first = watchMessage(item, false);
    for (let watcher = 0; watcher < 1000; watcher += 1) assert.equal(watchMessage(item, false), first);
    const filtered: WatchItem = { kind: 'events', events: events.slice(1), revision: 3 };
    toBinary(WatchEventsResponseSchema, watchMessage(filtered, false));
    const text = restText(WatchEventsResponseSchema, watchMessage(item, true));
    for (let watcher = 0; watcher < 1000; watcher += 1) assert.equal(restText(WatchEventsResponseSchema, watchMessage(item, true)), text);
    restText(WatchEventsResponseSchema, watchMessage(filtered, true));
    assert.equal(count.reads, 3);
  });

  it('is the same in bytes, in text and as a plain message', () => {
    const decoded = fromBinary(WatchEventsResponseSchema, toBinary(WatchEventsResponseSchema, watchMessage(item, false)));
    const plain = watchMessage(item, true);
    assert.equal(decoded.events.length, 3);
    assert.equal(toJsonString(WatchEventsResponseSchema, decoded, restJson), toJsonString(WatchEventsResponseSchema, plain, restJson));
    assert.equal(restText(WatchEventsResponseSchema, plain), toJsonString(WatchEventsResponseSchema, plain, restJson));
  });

  it('says its own revision even when the events are the same', () => {
    assert.equal(watchMessage({ ...item, revision: 9 }, false).revision, 9n);
    assert.equal(watchMessage(item, false).revision, 3n);
  });
});

it('progress and gap', () => {
  const progress = watchMessage({ kind: 'progress', revision: 5 }, false);
  assert.deepEqual([progress.progress?.revision, progress.revision], [5n, 5n]);
  const gap = watchMessage({ kind: 'gap', fromRevision: 2, toRevision: 4, count: 3, revision: 4 }, true);
  assert.deepEqual([gap.gap?.fromRevision, gap.gap?.toRevision, gap.gap?.count, gap.revision], [2n, 4n, 3n, 4n]);
});
