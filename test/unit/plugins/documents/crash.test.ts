import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { AgentError } from '../../../../src/kernel/errors.ts';
import type { OpenStore } from '../../../../src/store/index.ts';
import { openDocumentRoom, openDocumentRoomAt, refusalOf, update } from './room.ts';

/** A store that fails, or never answers, at one procedure once `armed`. */
function faulty(name: string, how: 'fails' | 'hangs'): { armed: boolean; wrap(store: OpenStore): OpenStore } {
  const fault = {
    armed: false,
    wrap: (store: OpenStore): OpenStore => ({
      ...store,
      write: <T>(room: string, procedure: string, args: unknown, records?: number): Promise<T> => {
        if (!fault.armed || procedure !== name) return store.write<T>(room, procedure, args, records);
        return how === 'hangs' ? new Promise<T>(() => {}) : Promise.reject(new AgentError('JOURNAL_FULL', 'the disk is full'));
      },
    }),
  };
  return fault;
}

test('killed in the middle of a change: the next start completes it, with its author, trace and backup, and leaves no stray files', async () => {
  const fault = faulty('add', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.update('geo', update({ port: 2 }, { traceId: '77'.repeat(16) }));
  while (!existsSync(join(room.dir, 'backups/plugins/geo/pending.json'))) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(room.keeper.get('geo').revision, 1, 'not acknowledged');
  await room.store.stop();
  for (const name of ['plugins/geo/.config.json.0123456789ab.tmp', 'backups/plugins/geo/.2.json.0123456789ab.tmp']) {
    writeFileSync(join(room.dir, name), '{"po');
  }
  await using again = await openDocumentRoomAt(room.dir);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [2, { port: 2 }]);
  assert.deepEqual(readdirSync(dirname(room.file('geo'))), ['config.json']);
  assert.deepEqual(readdirSync(`${room.dir}/backups/plugins/geo`), ['1.json', '2.json']);
  await again.keeper.acknowledge('geo', { revision: 2, applied: true, message: '' });
  assert.deepEqual(
    again.events.map((e) => [e.traceId, e.data?.['author']]),
    [['77'.repeat(16), 'tester']],
  );
  const [backup] = await again.keeper.backups('geo');
  assert.equal(backup?.revision, 1);
  const restored = await again.keeper.restore('geo', backup?.id ?? '', { author: 'x', traceId: '' });
  assert.deepEqual([restored.revision, restored.config], [3, { port: 1 }]);
});

test('killed in the first change of all: the next start knows of it', async () => {
  const fault = faulty('add', 'hangs');
  fault.armed = true;
  const room = await openDocumentRoom({ wrap: fault.wrap });
  void room.keeper.update('geo', update({ port: 1 }));
  while (!existsSync(join(room.dir, 'backups/plugins/geo/pending.json'))) await new Promise((resolve) => setImmediate(resolve));
  await room.store.stop();
  await using again = await openDocumentRoomAt(room.dir);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [1, { port: 1 }]);
});

for (const name of ['add']) {
  test(`a store that refuses (${name}): DISK_FULL, and file, document and revision are as before`, async () => {
    const fault = faulty(name, 'fails');
    await using room = await openDocumentRoom({ wrap: fault.wrap });
    await room.keeper.update('geo', update({ port: 1 }));
    fault.armed = true;
    assert.equal((await refusalOf(() => room.keeper.update('geo', update({ port: 2 })))).reason, 'DISK_FULL');
    assert.equal((await refusalOf(() => room.keeper.update('new', update({ port: 2 })))).reason, 'DISK_FULL');
    fault.armed = false;
    assert.deepEqual(JSON.parse(room.read('geo')), { port: 1 });
    assert.deepEqual([room.keeper.get('geo').revision, room.keeper.get('new').revision], [1, 0]);
    await using again = await room.reopen();
    assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [1, { port: 1 }]);
    assert.equal(again.keeper.get('new').revision, 0);
    assert.equal(again.keeper.health().status, 'HEALTHY');
    assert.equal((await again.keeper.update('geo', update({ port: 3 }))).revision, 2);
  });
}

test('a file that someone changed while the agent was dead beats a half change, and both are whole documents', async () => {
  const fault = faulty('add', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.update('geo', update({ port: 2 }));
  while (!existsSync(join(room.dir, 'backups/plugins/geo/pending.json'))) await new Promise((resolve) => setImmediate(resolve));
  await room.store.stop();
  room.write('geo', '{"port": 3}');
  await using again = await openDocumentRoomAt(room.dir);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [2, { port: 3 }]);
});

test('killed while it removed: the next start ends it', async () => {
  const fault = faulty('remove', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.remove('geo');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await room.store.stop();
  await using again = await openDocumentRoomAt(room.dir);
  assert.equal(again.keeper.get('geo').revision, 0);
  assert.deepEqual(readdirSync(`${room.dir}/plugins`), []);
});
