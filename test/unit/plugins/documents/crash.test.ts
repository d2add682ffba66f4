import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
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

test('killed between file and row: the next start completes the change, with its author, trace and backup', async () => {
  const fault = faulty('commit', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.update('geo', update({ port: 2 }, { traceId: '77'.repeat(16) }));
  while (!room.read('geo').includes('2')) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(room.keeper.get('geo').revision, 1, 'not acknowledged');
  await room.store.stop();
  await using again = await openDocumentRoomAt(room.dir);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [2, { port: 2 }]);
  await again.keeper.acknowledge('geo', { revision: 2, applied: true, message: '' });
  assert.deepEqual(
    again.events.map((e) => [e.traceId, e.data?.['author']]),
    [['77'.repeat(16), 'tester']],
  );
  assert.deepEqual(
    again.keeper.backups('geo').map((b) => b.revision),
    [1],
  );
  const restored = await again.keeper.restore('geo', again.keeper.backups('geo')[0]?.id ?? '', { author: 'x', traceId: '' });
  assert.deepEqual(restored.config, { port: 1 });
});

test('killed before the file: the next start has the old document, and no stray files', async () => {
  const fault = faulty('intend', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.update('geo', update({ port: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await room.store.stop();
  writeFileSync(join(dirname(room.file('geo')), '.config.json.0123456789ab.tmp'), '{"po');
  await using again = await openDocumentRoomAt(room.dir);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [1, { port: 1 }]);
  assert.deepEqual(readdirSync(dirname(room.file('geo'))), ['config.json']);
  assert.deepEqual(readdirSync(`${room.dir}/backups/plugins/geo`), []);
  assert.equal((await again.keeper.update('geo', update({ port: 3 }))).revision, 2);
});

for (const name of ['intend', 'commit']) {
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
  const fault = faulty('commit', 'hangs');
  const room = await openDocumentRoom({ wrap: fault.wrap });
  await room.keeper.update('geo', update({ port: 1 }));
  fault.armed = true;
  void room.keeper.update('geo', update({ port: 2 }));
  while (!room.read('geo').includes('2')) await new Promise((resolve) => setImmediate(resolve));
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
