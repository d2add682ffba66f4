import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredEvent } from '../../../src/events/types.ts';
import { fitEvent } from '../../../src/fleet/fit-event.ts';

const event = {
  ...{ revision: 7, id: 'one', type: 'custom.large', source: 'test', subject: 'edge', severity: 'INFO', priority: 0 },
  ...{ time: { seconds: 1, nanos: 0 }, ingestTime: { seconds: 1, nanos: 0 }, traceId: '', spanId: '', correlationId: '' },
  ...{ data: { text: 'ж'.repeat(1000) }, attributes: { region: 'eu', note: 'ж'.repeat(500) }, redacted: [] },
} as const satisfies StoredEvent;
const read = (body: string): Partial<StoredEvent> => JSON.parse(body) as Partial<StoredEvent>;

test('an event that fits goes whole; a larger one without its data, then without its attributes, and says how large it was', () => {
  const size = Buffer.byteLength(JSON.stringify(event));
  assert.deepEqual(fitEvent(event, size, JSON.stringify), { body: JSON.stringify(event), isCut: false });
  const noData = fitEvent(event, size - 1, JSON.stringify);
  assert.ok(noData.isCut);
  assert.deepEqual(
    [read(noData.body).data, read(noData.body).attributes],
    [undefined, { ...event.attributes, fleet_truncated_bytes: String(size) }],
  );
  const bare = fitEvent(event, 1000, JSON.stringify);
  assert.ok(Buffer.byteLength(bare.body) <= 1000);
  assert.deepEqual(
    [read(bare.body).type, read(bare.body).data, read(bare.body).attributes],
    ['custom.large', undefined, { fleet_truncated_bytes: String(size) }],
  );
});
