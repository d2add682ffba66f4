import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertChange } from '../../../src/alerts/index.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import type { OpenStore } from '../../../src/store/index.ts';
import { openAlertRoom } from '../../helpers/alert-room.ts';
import { scratch } from '../../helpers/event-room.ts';

const sick = { subject: 'geo', summary: 'the plugin is ill', traceId: '0af7651916cd43dd8448eb211c80319c', labels: { plugin: 'geo' } };

test('a finding fires once, whatever it measures, and is resolved once when it is gone', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir });
  const changes: AlertChange[] = [];
  room.alerts.onChange((change) => changes.push(change));
  room.rule.now = [{ ...sick, value: 1, threshold: 3 }];
  await room.tick();
  room.rule.now = [{ ...sick, value: 2, threshold: 3 }];
  for (let n = 0; n < 7; n++) await room.tick();
  const [alert] = room.alerts.list();
  assert.match(alert?.id ?? '', /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assert.deepEqual(
    [alert?.rule, alert?.state, alert?.severity, alert?.subject, alert?.value, alert?.threshold, alert?.endTimeMs, alert?.labels],
    ['plugin_unhealthy', 'FIRING', 'ERROR', 'geo', 2, 3, undefined, { plugin: 'geo' }],
  );
  assert.deepEqual(await room.told(), ['alert.firing plugin_unhealthy geo']);
  const [event] = await room.events();
  assert.deepEqual([event?.subject, event?.severity, event?.traceId, event?.source], [alert?.id, 'ERROR', sick.traceId, 'sboxagent']);
  assert.deepEqual([event?.data?.['severity'], event?.data?.['summary'], event?.data?.['threshold']], ['ERROR', sick.summary, 3]);
  assert.equal(room.value('sboxagent_alerts_firing{}'), 1);

  room.rule.now = [];
  await room.tick();
  await room.tick();
  assert.deepEqual(await room.told(), ['alert.firing plugin_unhealthy geo', 'alert.resolved plugin_unhealthy geo']);
  assert.deepEqual(
    room.alerts.list().map(({ id, state, endTimeMs }) => [id, state, typeof endTimeMs]),
    [[alert?.id, 'RESOLVED', 'number']],
  );
  assert.deepEqual(
    changes.map(({ alerts }) => alerts.map(({ state }) => state)),
    [['FIRING'], ['RESOLVED']],
  );
  room.rule.now = [sick];
  await room.tick();
  assert.deepEqual(
    room.alerts.list().map(({ state }) => state),
    ['FIRING', 'RESOLVED'],
  );
  assert.notEqual(room.alerts.list()[0]?.id, alert?.id);
});

test('one alert a rule and subject; a rule that throws changes nothing of its own and nothing of others', async () => {
  using at = scratch();
  let broken = false;
  const brittle = {
    name: 'brittle',
    severity: 'WARNING' as const,
    findings() {
      if (broken) throw new Error('EMFILE');
      return [{ subject: 'a', summary: 's' }];
    },
  };
  const good = { name: 'good', severity: 'INFO' as const, now: true, findings: () => (good.now ? [sick, sick] : []) };
  await using room = await openAlertRoom({ dir: at.dir, builtIn: [brittle, good], settleMs: 0 });
  await room.tick();
  assert.deepEqual(
    room.alerts
      .list()
      .map(({ rule }) => rule)
      .sort(),
    ['brittle', 'good'],
  );
  broken = true;
  good.now = false;
  await room.tick();
  assert.deepEqual(
    room.alerts.list().map(({ rule, state }) => [rule, state]),
    [
      ['brittle', 'FIRING'],
      ['good', 'RESOLVED'],
    ],
  );
});

test('a restart resolves nothing that is found again in time, keeps ids and acknowledgements, and tells nothing twice', async () => {
  using at = scratch();
  let id = '';
  {
    await using room = await openAlertRoom({ dir: at.dir });
    room.rule.now = [sick, { subject: 'other', summary: 's' }];
    await room.tick();
    id = room.alerts.list().find(({ subject }) => subject === 'geo')?.id ?? '';
    await room.alerts.acknowledge(id, 'ops', 'seen');
  }
  await using room = await openAlertRoom({ dir: at.dir, settleMs: 5000 });
  assert.deepEqual(
    room.alerts.list().map(({ state, endTimeMs }) => [state, endTimeMs]),
    [
      ['FIRING', undefined],
      ['FIRING', undefined],
    ],
  );
  for (let n = 0; n < 4; n++) await room.tick();
  assert.equal((await room.told()).length, 2, 'nothing is resolved yet');
  room.rule.now = [sick];
  for (let n = 0; n < 3; n++) await room.tick();
  assert.deepEqual((await room.told()).toSorted(), [
    'alert.firing plugin_unhealthy geo',
    'alert.firing plugin_unhealthy other',
    'alert.resolved plugin_unhealthy other',
  ]);
  const [alert] = room.alerts.list();
  assert.deepEqual([alert?.id, alert?.state, alert?.acknowledged?.by, alert?.acknowledged?.comment], [id, 'FIRING', 'ops', 'seen']);
});

test('an event that was not told before a crash is told after it, once', async () => {
  using at = scratch();
  {
    await using room = await openAlertRoom({ dir: at.dir, begin: false });
    const view = {
      id: '01JD0000000000000000000000',
      rule: 'plugin_unhealthy',
      state: 'RESOLVED',
      severity: 'ERROR',
      subject: 'geo',
      summary: 's',
      labels: {},
      startTimeMs: 1,
      endTimeMs: 2,
      value: 0,
      threshold: 0,
      traceId: '',
    };
    // As a daemon leaves it that was killed between the alert's row and its events, one of which is in the journal.
    const row = { id: view.id, told: 0, resolvedAgeMs: room.store.ageing.nowMs(), body: JSON.stringify(view) };
    await room.store.write('alerts', 'save', { rows: [row], owed: [], removed: [] });
    await room.journal.publish([{ type: 'alert.firing', id: `${view.id}-firing`, data: { rule: 'plugin_unhealthy', subject: 'geo' } }], {
      source: 'sboxagent',
      inside: true,
    });
  }
  for (let run = 0; run < 2; run++) {
    await using room = await openAlertRoom({ dir: at.dir });
    await room.tick();
    assert.deepEqual(await room.told(), ['alert.firing plugin_unhealthy geo', 'alert.resolved plugin_unhealthy geo']);
  }
});

function refusing(): { full: boolean; wrap: (store: OpenStore) => OpenStore } {
  const it = {
    full: true,
    wrap: (store: OpenStore): OpenStore => ({
      ...store,
      write: (room, name, args, records) => {
        if (it.full && room === 'alerts') return Promise.reject(new AgentError('JOURNAL_FULL', 'the disk is full'));
        return store.write(room, name, args, records);
      },
    }),
  };
  return it;
}

test('what the store refuses for a moment is told to nobody, and is done when the store is back', async () => {
  using at = scratch();
  const disk = refusing();
  await using room = await openAlertRoom({ dir: at.dir, wrap: disk.wrap });
  let told = 0;
  room.alerts.onChange(() => told++);
  room.rule.now = [sick];
  for (let n = 0; n < 4; n++) await room.tick();
  assert.deepEqual([room.alerts.list().length, told, await room.told()], [0, 0, []]);
  disk.full = false;
  await room.tick();
  assert.deepEqual([room.alerts.list().length, told, (await room.told()).length], [1, 1, 1]);
});

test('an alert does not wait for a disk that stays full: it is told, and stored as it then is when the disk is back', async () => {
  using at = scratch();
  const disk = refusing();
  let ids: string[] = [];
  {
    await using room = await openAlertRoom({ dir: at.dir, wrap: disk.wrap, settleMs: 0 });
    let told = 0;
    room.alerts.onChange(() => told++);
    room.rule.now = [sick, { subject: 'other', summary: 's' }];
    for (let n = 0; n < 8; n++) await room.tick();
    assert.deepEqual([room.alerts.list().length, told], [2, 1]);
    await assert.rejects(room.alerts.acknowledge(room.alerts.list()[0]?.id ?? '', 'a', ''), { reason: 'JOURNAL_FULL' });
    room.rule.now = [sick];
    await room.tick();
    assert.deepEqual(
      room.alerts
        .list()
        .map(({ state }) => state)
        .sort(),
      ['FIRING', 'RESOLVED'],
    );
    disk.full = false;
    await room.tick();
    assert.equal((await room.told()).length, 3);
    ids = room.alerts.list().map(({ id }) => id);
  }
  await using room = await openAlertRoom({ dir: at.dir });
  room.rule.now = [sick];
  await room.tick();
  assert.deepEqual(
    room.alerts.list().map(({ id, state }) => [id, state]),
    [
      [ids[0], 'FIRING'],
      [ids[1], 'RESOLVED'],
    ],
  );
  assert.equal((await room.told()).length, 3);
});

test('acknowledging is told and kept; the newest word stands; an unknown id is ALERT_NOT_FOUND', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir });
  room.rule.now = [sick];
  await room.tick();
  const changes: AlertChange[] = [];
  room.alerts.onChange((change) => changes.push(change));
  const id = room.alerts.list()[0]?.id ?? '';
  await room.alerts.acknowledge(id, 'a', 'first');
  const view = await room.alerts.acknowledge(id, 'b', 'second');
  assert.deepEqual([view.acknowledged?.by, view.acknowledged?.comment, view.acknowledged?.timeMs], ['b', 'second', room.clock.wallMs()]);
  assert.deepEqual(
    changes.map(({ alerts }) => alerts[0]?.acknowledged?.by),
    ['a', 'b'],
  );
  await assert.rejects(room.alerts.acknowledge('nope', 'a', ''), { reason: 'ALERT_NOT_FOUND' });
  room.rule.now = [];
  for (let n = 0; n < 6; n++) await room.tick();
  assert.deepEqual([room.alerts.list()[0]?.state, room.alerts.list()[0]?.acknowledged?.by], ['RESOLVED', 'b']);
});

test('at most 1000 fire; what is refused is counted once, and fires when there is room; resolved ones are pruned', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir, settleMs: 0 });
  const findings = Array.from({ length: 1010 }, (_, n) => ({ subject: `s${n}`, summary: 's' }));
  room.rule.now = findings;
  await room.tick();
  await room.tick();
  assert.equal(room.alerts.list().length, 1000);
  assert.equal(room.value('sboxagent_limit_refused_total{alerts}'), 10);
  room.rule.now = findings.slice(5);
  await room.tick();
  assert.equal(room.alerts.list().filter(({ state }) => state === 'FIRING').length, 1000);
  assert.equal(room.value('sboxagent_limit_refused_total{alerts}'), 10);
  room.rule.now = [];
  await room.tick();
  const resolved = room.alerts.list();
  assert.equal(resolved.length, 1000);
  assert.equal(
    resolved.some(({ subject }) => subject === 's0'),
    false,
    'the oldest went',
  );
  const { rows } = await room.store.read<{ rows: unknown[] }>('alerts', 'load', undefined);
  assert.equal(rows.length, 1000);
  assert.equal((await room.events()).length, 2 * 1005);
});

test('clock jumps neither fire nor resolve anything', async () => {
  using at = scratch();
  await using room = await openAlertRoom({ dir: at.dir });
  room.rule.now = [sick];
  for (let n = 0; n < 6; n++) await room.tick();
  for (const jump of [86_400_000, -172_800_000]) {
    room.clock.jump(jump);
    for (let n = 0; n < 3; n++) await room.tick();
  }
  assert.deepEqual(await room.told(), ['alert.firing plugin_unhealthy geo']);
  room.rule.now = [];
  await room.tick();
  const [alert] = room.alerts.list();
  assert.ok((alert?.endTimeMs ?? 0) >= (alert?.startTimeMs ?? 0), 'an end is never before its start');
});
