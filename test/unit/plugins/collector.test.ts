import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewEvent } from '../../../src/events/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { createAwakeClock } from '../../../src/plugins/awake-clock.ts';
import { createCollector } from '../../../src/plugins/collector.ts';
import { openRegistry } from '../../../src/plugins/registry.ts';
import { metricsFake, openRoom, scratch, silentLogger } from '../../helpers/event-room.ts';

const events = (source: string, count: number): readonly NewEvent[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'plugin.called', source, data: { n } }));

test('a buffer that the disk does not empty: refused with a retry hint and counted; then all is taken, and nothing is lost', async () => {
  using place = scratch();
  await using room = await openRoom({ dir: place.dir });
  const { metrics, value } = metricsFake();
  const awake = createAwakeClock(systemClock, 250);
  const gate = Promise.withResolvers<void>();
  // The journal's disk is well; what is kept of plugins waits.
  const store = {
    ...room.store,
    async write<T>(name: string, procedure: string, args: unknown, records?: number): Promise<T> {
      if (name === 'plugins') await gate.promise;
      return room.store.write<T>(name, procedure, args, records);
    },
  };
  const registry = await openRegistry({ store, clock: systemClock, awake, logger: silentLogger, metrics, limit: 10 });
  const collector = createCollector({
    owners: { mayUse: () => true },
    registry,
    store,
    journal: room.journal,
    clock: systemClock,
    logger: silentLogger,
    metrics,
    enabled: () => true,
    settings: () => ({ bufferSize: 10 }),
    onContact: () => {},
  });
  const publish = (count: number): Promise<unknown> => room.journal.publish(events('geo', count), { source: 'tester' });
  await publish(8);
  const before = room.journal.stats().lastRevision;
  const refused = await publish(8).catch((error: unknown) => error);
  assert.ok(refused instanceof AgentError);
  assert.deepEqual([refused.reason, refused.retryAfterMs], ['PLUGIN_BUFFER_FULL', 1000]);
  assert.equal(room.journal.stats().lastRevision, before);
  assert.equal(value('sboxagent_limit_refused_total{plugin_event_buffer}'), 1);
  assert.equal((await collector.recent('geo')).length, 8, 'what is on its way to the disk is shown');
  gate.resolve();
  await publish(8);
  await collector.flush();
  assert.equal((await collector.recent('geo')).length, 16);
  assert.equal((await room.store.read<readonly string[]>('plugins', 'events', 'geo')).length, 16);
});

test('a buffer is full by its bytes too, however few the events are', async () => {
  using place = scratch();
  await using room = await openRoom({ dir: place.dir });
  const { metrics, value } = metricsFake();
  const awake = createAwakeClock(systemClock, 250);
  const gate = Promise.withResolvers<void>();
  const store = {
    ...room.store,
    async write<T>(name: string, procedure: string, args: unknown, records?: number): Promise<T> {
      if (name === 'plugins') await gate.promise;
      return room.store.write<T>(name, procedure, args, records);
    },
  };
  const registry = await openRegistry({ store, clock: systemClock, awake, logger: silentLogger, metrics, limit: 10 });
  const collector = createCollector({
    ...{ owners: { mayUse: () => true }, registry, store, journal: room.journal, clock: systemClock, logger: silentLogger, metrics },
    enabled: () => true,
    settings: () => ({ bufferSize: 1000 }),
    onContact: () => {},
  });
  const fat: NewEvent = { type: 'plugin.called', source: 'geo', data: { pad: 'x'.repeat(1 << 20) } };
  let taken = 0;
  let refused: unknown;
  for (; refused === undefined && taken < 40; taken++) {
    refused = await room.journal.publish([fat], { source: 'tester' }).then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  assert.ok(refused instanceof AgentError && refused.reason === 'PLUGIN_BUFFER_FULL', String(refused));
  assert.ok(taken >= 16 && taken <= 20, `${taken} taken`);
  assert.equal(value('sboxagent_limit_refused_total{plugin_event_buffer}'), 1);
  gate.resolve();
  await collector.flush();
  await room.journal.publish([fat], { source: 'tester' });
  collector.stop();
});
