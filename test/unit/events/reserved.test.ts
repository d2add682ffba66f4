import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnType } from '../../../src/events/reserved.ts';
import type { NewEvent } from '../../../src/events/types.ts';
import { isOwnSource, isReservedName } from '../../../src/kernel/own-names.ts';
import { normalise } from '../../../src/sboxmgr/normalise/normalise.ts';
import { openRoom, scratch } from '../../helpers/event-room.ts';

const ownTypes = ['process.exited', 'alert.firing', 'agent.started', 'store.degraded', 'apply.done', 'process', 'agent.a.b'];
const ownSources = ['sboxagent', ' sboxagent', 'SboxAgent', 'sbox\u200bagent', 'ｓboxagent', 'sboxagent\u0000'];

test("types of the agent's families are its own, neighbours are not", () => {
  for (const type of ownTypes) assert.equal(isOwnType(type), true, type);
  for (const type of ['plugin.error', 'config.applied', 'processes.x', 'sboxmgr.process.exited', 'a.process.x', 'applied']) {
    assert.equal(isOwnType(type), false, type);
  }
});

test("the agent's source is its own however it is spelled", () => {
  for (const source of ownSources) assert.equal(isOwnSource(source), true, JSON.stringify(source));
  for (const source of ['sboxagent-client', 'sboxmgr', '', 'my.sboxagent']) assert.equal(isOwnSource(source), false, source);
  for (const name of ['sboxagent', 'Unix', 'anonymous', 'file']) assert.equal(isReservedName(name), true, name);
});

test('the journal stores nothing from outside that speaks as the agent, and leaves nothing of its batch', async () => {
  using place = scratch();
  await using room = await openRoom({ dir: place.dir });
  const refused: readonly NewEvent[] = [
    ...ownTypes.map((type) => ({ type, source: 's' })),
    ...ownSources.map((source) => ({ type: 'a.b', source })),
  ];
  for (const event of refused) {
    await assert.rejects(room.journal.publish([{ type: 'a.b' }, event], { source: 's' }), { reason: 'EVENT_RESERVED' });
  }
  await assert.rejects(room.journal.publish([{ type: 'a.b' }], { source: 'sboxagent' }), { reason: 'EVENT_RESERVED' });
  assert.equal(room.journal.stats().count, 0);
  const [receipt] = await room.journal.publish([{ type: 'alert.firing' }], { source: 'sboxagent', inside: true });
  assert.equal(receipt?.event.source, 'sboxagent');
});

test('what sboxmgr says under such a name is mapped away, and what it said is kept', () => {
  for (const type of ownTypes) {
    const made = normalise({ event_type: type, source: 'sboxagent' });
    assert.ok(made.ok);
    assert.equal(isOwnType(made.event.type), false, made.event.type);
    assert.deepEqual([made.event.source, made.event.attributes], [undefined, { original_type: type, original_source: 'sboxagent' }]);
  }
});
