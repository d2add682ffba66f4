import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WatchEventsResponseSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { toMessage } from '../../../../src/api/codec/binary.ts';
import { watchMessage } from '../../../../src/api/convert/event.ts';
import type { WatchItem } from '../../../../src/events/types.ts';
import { storedEvent } from '../../../helpers/api-fakes.ts';

const message = (item: WatchItem) => toMessage(WatchEventsResponseSchema, watchMessage(item));

it('an event goes out as it is stored', () => {
  const stored = storedEvent(1, { severity: 'ERROR', time: { seconds: -5, nanos: 7 }, data: { n: 1, __proto__x: null } });
  const { events, revision } = message({ kind: 'events', events: [stored], revision: 9 });
  assert.equal(revision, 9n);
  const [event] = events;
  assert.deepEqual([event?.id, event?.revision, event?.severity, event?.data], [stored.id, 1n, 4, stored.data]);
  assert.deepEqual([event?.time?.seconds, event?.time?.nanos, event?.attributes], [-5n, 7, stored.attributes]);
});

it('progress and gap', () => {
  const progress = message({ kind: 'progress', revision: 5 });
  assert.deepEqual([progress.progress?.revision, progress.revision], [5n, 5n]);
  const gap = message({ kind: 'gap', fromRevision: 2, toRevision: 4, count: 3, revision: 4 });
  assert.deepEqual([gap.gap?.fromRevision, gap.gap?.toRevision, gap.gap?.count, gap.revision], [2n, 4n, 3n, 4n]);
});
