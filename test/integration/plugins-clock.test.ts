/** The wall clock jumps a day forward and back while plugins live: nobody falls ill, nothing is forgotten. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { Principal } from '../../src/kernel/principal.ts';
import { openPlugins } from '../../src/plugins/index.ts';
import type { PluginSettings } from '../../src/settings/types.ts';
import { FakeSupervisor } from '../helpers/api-fakes.ts';
import { metricsFake, openRoom, scratch, silentLogger } from '../helpers/event-room.ts';

const DAY_MS = 86_400_000;

const settings: PluginSettings = {
  enabled: true,
  healthCheck: { enabled: true, intervalMs: 300, timeoutMs: 300, retries: 3 },
  eventCollection: { enabled: true, bufferSize: 1000, flushIntervalMs: 100 },
  configuration: { autoReload: false, validation: true, backupEnabled: true, backupRetentionMs: 7 * DAY_MS },
  limits: { plugins: 100, labels: 8 },
  units: {},
};

it('a leased, a reporting and a timed plugin over jumps of a day', async () => {
  using place = scratch();
  let offsetMs = 0;
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs };
  await using room = await openRoom({ dir: place.dir, clock });
  const { metrics } = metricsFake();
  const opened = await openPlugins({
    reloadDelayMs: () => 1000,
    settings,
    stateDir: place.dir,
    environment: {},
    store: room.store,
    journal: room.journal,
    clock,
    logger: silentLogger,
    metrics,
  });
  const { plugins, start, stop } = opened.run(new FakeSupervisor());
  await start();
  try {
    const caller: Principal = { id: 't', name: 't', scopes: new Set(['events:write'] as const) };
    const base = { name: '', kind: undefined, version: '', labels: {}, schema: undefined, secretPaths: [] };
    const leased = await plugins.register({ ...base, id: 'leased', cadenceMs: undefined, leaseMs: 2000 }, caller);
    const reporter = await plugins.register({ ...base, id: 'reporter', cadenceMs: undefined, leaseMs: 60_000 }, caller);
    await plugins.register({ ...base, id: 'timed', kind: 'LIBRARY', cadenceMs: 60_000, leaseMs: undefined }, caller);
    for (let beat = 0; beat < 12; beat++) {
      offsetMs = [0, DAY_MS, -DAY_MS, 0][beat % 4] ?? 0;
      await systemClock.sleep(200);
      await plugins.report({ id: 'reporter', sessionId: reporter.sessionId, caller }, { status: 'HEALTHY', message: '', data: undefined });
      const expiresMs = plugins.renew({ id: 'leased', sessionId: leased.sessionId, caller });
      // What people read follows the wall clock, whatever it says.
      assert.ok(Math.abs(expiresMs - clock.wallMs() - 2000) < 60_000);
    }
    assert.deepEqual(
      plugins.list().map(({ id, state }) => [id, state]),
      [
        ['leased', 'ACTIVE'],
        ['reporter', 'ACTIVE'],
        ['timed', 'ACTIVE'],
      ],
    );
    const { events } = await room.journal.list({ order: 'asc', pageSize: 100, filter: { types: ['plugin.*'] } });
    assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(['plugin.registered']));
  } finally {
    await stop();
  }
});
