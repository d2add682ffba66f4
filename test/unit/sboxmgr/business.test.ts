import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, StoredEvent } from '../../../src/events/index.ts';
import { countBusiness, createBusinessMetrics } from '../../../src/sboxmgr/business.ts';
import { metricsFake, openRoom, scratch } from '../../helpers/event-room.ts';

function counting(): {
  readonly tell: (type: string, data?: JsonObject) => void;
  readonly counts: () => readonly number[];
  readonly took: number[];
} {
  const took: number[] = [];
  const { metrics, value } = metricsFake();
  const count = createBusinessMetrics({ ...metrics, histogram: () => ({ record: (seconds) => void took.push(seconds) }) });
  const names = ['subscriptions_processed', 'configs_generated', 'errors'];
  return {
    tell: (type, data) => count({ type, data } as StoredEvent),
    counts: () => names.map((name) => value(`sboxagent_business_${name}_total{}`)),
    took,
  };
}

test('config.generated arrives twice and counts once', () => {
  const { tell, counts } = counting();
  tell('config.generated', { status: 'started' });
  assert.deepEqual(counts(), [0, 0, 0]);
  tell('config.generated', { status: 'completed' });
  assert.deepEqual(counts(), [0, 1, 0]);
  tell('config.generated');
  assert.deepEqual(counts(), [0, 2, 0]);
});

test('subscriptions, errors and durations', () => {
  const { tell, counts, took } = counting();
  tell('subscription.fetched', { duration_ms: 250 });
  tell('subscription.update_completed', { status: 'success', duration_seconds: 2 });
  tell('subscription.update_completed', { status: 'failed' });
  tell('error.occurred');
  tell('plugin.error');
  tell('process.exited', { duration_ms: 5 });
  assert.deepEqual(counts(), [2, 0, 3]);
  assert.deepEqual(took, [0.25, 2]);
});

test('what is published twice counts once', async () => {
  using place = scratch();
  await using room = await openRoom({ dir: place.dir });
  const { metrics, value } = metricsFake();
  countBusiness(room.journal, metrics);
  for (let i = 0; i < 2; i++) await room.journal.publish([{ type: 'config.generated', id: 'one', source: 's' }], { source: 's' });
  assert.equal(value('sboxagent_business_configs_generated_total{}'), 1);
});
