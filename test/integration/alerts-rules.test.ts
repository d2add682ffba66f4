/** Rules of the configuration on a real store and journal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertRuleSettings } from '../../src/settings/types.ts';
import { type AlertRoom, openAlertRoom, runbooks } from '../helpers/alert-room.ts';
import { eventually, scratch } from '../helpers/event-room.ts';

const fetchErrors: AlertRuleSettings = {
  name: 'fetch-errors',
  kind: 'event',
  severity: 'WARNING',
  summary: 'Fetching fails',
  filter: { types: ['plugin.error'], sources: ['url_base64'] },
  count: 3,
  windowMs: 300_000,
};
const memory: AlertRuleSettings = {
  name: 'memory',
  kind: 'metric',
  severity: 'ERROR',
  summary: 'too much',
  metric: 'sboxagent_process_resident_memory_bytes',
  labels: { process: 'edge' },
  comparison: 'above',
  threshold: 100,
  forMs: 60_000,
};

async function fail(room: AlertRoom, count: number, traceId = ''): Promise<void> {
  for (let n = 0; n < count; n++)
    await room.journal.publish([{ type: 'plugin.error', ...(traceId && { traceId }) }], { source: 'url_base64' });
  await room.journal.publish([{ type: 'plugin.error' }], { source: 'another' });
}

test('events in a window fire one alert under the trace of the last, which is resolved when the window is empty', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir, settings: { rules: [fetchErrors], webhooks: [], runbooks } });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await fail(room, 2);
  await room.tick();
  assert.deepEqual(room.alerts.list(), []);
  await fail(room, 1, traceId);
  // Soon after the event, without waiting for a second.
  await eventually(() => room.alerts.list().length === 1);
  const [alert] = room.alerts.list();
  assert.deepEqual(
    [alert?.rule, alert?.subject, alert?.value, alert?.threshold, alert?.traceId],
    ['fetch-errors', 'url_base64', 3, 3, traceId],
  );
  await fail(room, 2);
  await eventually(async () => {
    await room.tick();
    return room.alerts.list()[0]?.value === 5;
  });
  await room.tick(200_000);
  assert.equal(room.alerts.list()[0]?.state, 'FIRING');
  await room.tick(200_000);
  await room.tick();
  assert.deepEqual(await room.told(), ['alert.firing fetch-errors url_base64', 'alert.resolved fetch-errors url_base64']);
});

test('after a restart the window is counted from the journal: what fires goes on, what was two of three fires with the third', async () => {
  using at = scratch();
  const settings = { rules: [fetchErrors], webhooks: [], runbooks };
  {
    await using room = await openAlertRoom({ dir: at.dir, settings });
    room.clock.jump(Date.now() - room.clock.wallMs());
    await fail(room, 2);
  }
  for (const run of [0, 1]) {
    await using room = await openAlertRoom({ dir: at.dir, settings, begin: false });
    room.clock.jump(Date.now() - room.clock.wallMs());
    room.alerts.start();
    if (run === 0) await fail(room, 1);
    await eventually(() => room.alerts.list()[0]?.state === 'FIRING');
    for (let n = 0; n < 8; n++) await room.tick();
    await eventually(() => room.alerts.list()[0]?.value === 3);
    assert.deepEqual(await room.told(), ['alert.firing fetch-errors url_base64']);
  }
});

test('a metric fires after its time and not before; a clock jump is no time', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir, settings: { rules: [memory], webhooks: [], runbooks } });
  const measure = (value: number): void => {
    room.samples.set(memory.kind === 'metric' ? memory.metric : '', [{ value, labels: { process: 'edge', engine: 'sing-box' } }]);
  };
  measure(101);
  await room.tick();
  await room.tick(50_000);
  room.clock.jump(86_400_000);
  await room.tick();
  assert.deepEqual(room.alerts.list(), []);
  await room.tick(10_000);
  assert.deepEqual(
    room.alerts.list().map(({ subject, value, threshold, state }) => [subject, value, threshold, state]),
    [['edge', 101, 100, 'FIRING']],
  );
  measure(100);
  await room.tick();
  assert.deepEqual(await room.told(), ['alert.firing memory edge', 'alert.resolved memory edge']);
});

test('rules that are taken out of the configuration resolve their alerts; those that stay keep what they counted', async () => {
  using at = scratch();
  await using room = await openAlertRoom({
    dir: at.dir,
    settleMs: 0,
    settings: { rules: [fetchErrors, { ...memory, forMs: 0 }], webhooks: [], runbooks },
  });
  room.samples.set('sboxagent_process_resident_memory_bytes', [{ value: 500, labels: { process: 'edge' } }]);
  await fail(room, 2);
  await room.tick();
  await eventually(() => room.alerts.list().length === 1);
  room.alerts.setSettings({ rules: [{ ...fetchErrors }], webhooks: [], runbooks });
  await room.tick();
  assert.deepEqual(await room.told(), ['alert.firing memory edge', 'alert.resolved memory edge']);
  await fail(room, 1);
  await eventually(() => room.alerts.list().some(({ rule }) => rule === 'fetch-errors'));
  assert.equal(room.journal.watchers(), 1);
  room.alerts.setSettings({ rules: [], webhooks: [], runbooks });
  await room.tick();
  assert.ok(room.alerts.list().every(({ state }) => state === 'RESOLVED'));
  await eventually(() => room.journal.watchers() === 0);
});
