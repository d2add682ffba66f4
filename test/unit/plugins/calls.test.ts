import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, StoredEvent } from '../../../src/events/index.ts';
import { noCalls, p95, withEvent } from '../../../src/plugins/calls.ts';

const event = (type: string, data: JsonObject): StoredEvent => ({
  revision: 1,
  id: 'x',
  type,
  source: 'p',
  subject: '',
  severity: 'INFO',
  priority: 50,
  time: { seconds: 0, nanos: 0 },
  ingestTime: { seconds: 0, nanos: 0 },
  traceId: '',
  spanId: '',
  correlationId: '',
  data,
  attributes: {},
  redacted: [],
});

test('what counts as a call, and as a failed one', () => {
  const table: readonly [string, JsonObject, { count: number; errors: number; durations: readonly number[] }][] = [
    ['plugin.called', { duration_ms: 12 }, { count: 1, errors: 0, durations: [12] }],
    ['plugin.called', { duration_seconds: 0.5 }, { count: 1, errors: 0, durations: [500] }],
    ['plugin.called', { duration_ms: 3, success: false }, { count: 1, errors: 1, durations: [3] }],
    ['plugin.error', {}, { count: 1, errors: 1, durations: [] }],
    ['subscription.failed', { duration_ms: 7 }, { count: 1, errors: 1, durations: [7] }],
    ['config.generated', {}, { count: 0, errors: 0, durations: [] }],
    ['plugin.called', { duration_ms: -1 }, { count: 0, errors: 0, durations: [] }],
    ['plugin.called', { duration_ms: 'long' }, { count: 0, errors: 0, durations: [] }],
  ];
  for (const [type, data, expected] of table) {
    const { count, errors, durationsMs } = withEvent(noCalls, event(type, data));
    assert.deepEqual({ count, errors, durations: durationsMs }, expected, `${type} ${JSON.stringify(data)}`);
  }
});

test('the 95th percentile of the newest 256', () => {
  let calls = noCalls;
  for (let ms = 1; ms <= 1000; ms++) calls = withEvent(calls, event('plugin.called', { duration_ms: ms }));
  assert.equal(calls.count, 1000);
  assert.equal(calls.durationsMs.length, 256);
  assert.equal(p95(calls.durationsMs), 744 + 244);
  assert.equal(p95([]), 0);
  assert.equal(p95([5]), 5);
});
