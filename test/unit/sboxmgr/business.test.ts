import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, StoredEvent } from '../../../src/events/index.ts';
import { type BusinessOptions, type BusinessTotals, businessFactOf, openBusinessMetrics } from '../../../src/sboxmgr/business.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { type EventRoom, metricsFake, openRoom, scratch } from '../../helpers/event-room.ts';

function counting(): {
  readonly tell: (type: string, data?: JsonObject) => void;
  readonly counts: () => readonly number[];
  readonly took: number[];
} {
  const took: number[] = [];
  const counts = [0, 0, 0];
  return {
    tell(type, data) {
      const { subscriptions, configs, errors, seconds } = businessFactOf({ type, data } as StoredEvent);
      for (const [i, n] of [subscriptions, configs, errors].entries()) counts[i] = (counts[i] ?? 0) + n;
      if (seconds !== undefined) took.push(seconds);
    },
    counts: () => counts,
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

/** A disk that a kill leaves as it was at the last save. */
function totals(): { store: BusinessOptions['store']; kept: () => BusinessTotals | undefined } {
  let kept: BusinessTotals | undefined;
  const save = async (value: BusinessTotals): Promise<void> => {
    kept = value;
  };
  return { kept: () => kept, store: { load: async () => kept, save } };
}

test('every event counts once: published twice, over a restart, and what a kill left beyond the last save', async () => {
  using place = scratch();
  const { store, kept } = totals();
  const bent = bentClock(0);
  const types = ['config.generated', 'subscription.fetched', 'plugin.error', 'service.started'];
  const publish = (room: EventRoom, n: number): Promise<unknown> =>
    room.journal.publish(
      types.map((type) => ({ type, id: `${type}-${n}`, source: 's' })),
      { source: 's' },
    );
  const counted = (value: (key: string) => number): readonly number[] =>
    ['configs_generated', 'subscriptions_processed', 'errors'].map((name) => value(`sboxagent_business_${name}_total{}`));
  const runs: readonly { readonly published: readonly number[]; readonly ends: 'stops' | 'is killed'; readonly seen: number }[] = [
    { published: [1, 1, 2], ends: 'stops', seen: 2 },
    { published: [2, 3], ends: 'is killed', seen: 3 },
    { published: [3, 1], ends: 'is killed', seen: 3 },
    { published: [4], ends: 'stops', seen: 4 },
  ];
  for (const { published, ends, seen } of runs) {
    await using room = await openRoom({ dir: place.dir });
    const { metrics, value } = metricsFake();
    const business = await openBusinessMetrics({ journal: room.journal, metrics, store, clock: bent.clock });
    for (const n of published) await publish(room, n);
    assert.deepEqual(counted(value), [seen, seen, seen], `${published}`);
    if (ends === 'stops') await business.stop();
  }
  assert.deepEqual({ ...kept(), revision: 0 }, { revision: 0, subscriptions: 4, configs: 4, errors: 4 });
});

test('a first start counts from now on, a disk that refuses the totals ends nothing', async () => {
  using place = scratch();
  await using room = await openRoom({ dir: place.dir });
  await room.journal.publish([{ type: 'config.generated', source: 's' }], { source: 's' });
  const { metrics, value } = metricsFake();
  const store = { load: () => Promise.reject(new Error('no disk')), save: () => Promise.reject(new Error('no disk')) };
  const business = await openBusinessMetrics({ journal: room.journal, metrics, store, clock: bentClock(0).clock });
  await room.journal.publish([{ type: 'config.generated', source: 's' }], { source: 's' });
  await business.stop();
  assert.equal(value('sboxagent_business_configs_generated_total{}'), 1);
});
