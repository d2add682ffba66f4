import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { OpenStore } from '../../../../src/store/index.ts';
import { openDocumentRoom, refusalOf, settings, update } from './room.ts';

const by = { author: 'tester', traceId: '12'.repeat(16) };

test('each change is preceded by a backup: listed newest first, restored as a new revision', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  for (const port of [1, 2, 3]) await keeper.update('geo', update({ port, password: `secret-${port}` }));
  const backups = await keeper.backups('geo');
  assert.deepEqual(
    backups.map((b) => b.revision),
    [2, 1],
  );
  for (const b of backups) {
    assert.equal(b.expireTimeMs - b.timeMs, settings.backupRetentionMs);
    assert.equal(b.bytes, Buffer.byteLength(JSON.stringify({ port: b.revision, password: `secret-${b.revision}` }, undefined, 2)) + 1);
    assert.equal(statSync(room.backupFile('geo', b.id)).mode & 0o777, 0o600);
  }
  const restored = await keeper.restore('geo', backups[1]?.id ?? '', by);
  assert.deepEqual([restored.revision, restored.applyState, restored.config], [4, 'PENDING', { port: 1, password: '***' }]);
  assert.deepEqual(JSON.parse(room.read('geo')), { port: 1, password: 'secret-1' });
  assert.deepEqual(
    (await keeper.backups('geo')).map((b) => b.revision),
    [3, 2, 1],
  );
  await using again = await room.reopen();
  assert.deepEqual(
    (await again.keeper.backups('geo')).map((b) => b.revision),
    [3, 2, 1],
  );
});

test('a backup that was tampered with, is gone, or was never there is refused, and nothing changes', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  for (const port of [1, 2, 3]) await keeper.update('geo', update({ port }));
  const [newest, oldest] = (await keeper.backups('geo')).map((b) => room.backupFile('geo', b.id));
  const [{ id = '' } = {}, { id: other = '' } = {}] = await keeper.backups('geo');
  writeFileSync(newest ?? '', readFileSync(newest ?? '', 'utf8').replace('2', '9'));
  assert.equal((await refusalOf(() => keeper.restore('geo', id, by))).reason, 'BACKUP_DAMAGED');
  rmSync(oldest ?? '');
  assert.equal((await refusalOf(() => keeper.restore('geo', other, by))).reason, 'BACKUP_NOT_FOUND');
  assert.equal((await refusalOf(() => keeper.restore('geo', '../../x', by))).reason, 'BACKUP_NOT_FOUND');
  assert.equal((await refusalOf(() => keeper.restore('other', id, by))).reason, 'BACKUP_NOT_FOUND');
  assert.deepEqual([keeper.get('geo').revision, keeper.get('geo').config], [3, { port: 3 }]);
});

test('a backup is judged by the present schema', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.update('geo', update({ port: 'one' }));
  await room.keeper.update('geo', update({ port: 2 }));
  await room.keeper.setSchema('geo', { schema: { properties: { port: { type: 'integer' } } }, secretPaths: [], mayUnmask: true });
  const [backup] = await room.keeper.backups('geo');
  assert.deepEqual((await refusalOf(() => room.keeper.restore('geo', backup?.id ?? '', by))).fields, ['config.port type']);
});

test('what is over the retention goes with the next change, the newest never', async () => {
  let ageMs = 1_000_000;
  const wrap = (store: OpenStore): OpenStore => ({ ...store, ageing: { nowMs: () => ageMs } });
  await using room = await openDocumentRoom({ wrap, settings: { ...settings, backupRetentionMs: 1000 } });
  for (const port of [1, 2, 3]) await room.keeper.update('geo', update({ port }));
  assert.equal((await room.keeper.backups('geo')).length, 2);
  ageMs += 5000;
  await room.keeper.update('geo', update({ port: 4 }));
  assert.deepEqual(
    (await room.keeper.backups('geo')).map((b) => b.revision),
    [3],
  );
  assert.deepEqual(readdirSync(`${room.dir}/backups/plugins/geo`), ['3.json', '4.json'], 'beside the one in effect');
  ageMs += 5000;
  room.keeper.setSettings({ ...settings, backupEnabled: false, backupRetentionMs: 1000 });
  await room.keeper.update('geo', update({ port: 5 }));
  assert.deepEqual(
    (await room.keeper.backups('geo')).map((b) => b.revision),
    [3],
  );
});

test('two hundred of a plugin are kept', async () => {
  await using room = await openDocumentRoom();
  for (let port = 1; port <= 205; port++) await room.keeper.update('geo', update({ port }));
  const backups = await room.keeper.backups('geo');
  assert.deepEqual([backups.length, backups[0]?.revision, backups.at(-1)?.revision], [200, 204, 5]);
  assert.equal(readdirSync(`${room.dir}/backups/plugins/geo`).length, 201, 'beside the one in effect');
});

test('a backup that no row names is removed at the start', async () => {
  await using room = await openDocumentRoom();
  for (const port of [1, 2]) await room.keeper.update('geo', update({ port }));
  const stray = room.backupFile('geo', '77');
  await using again = await room.reopen(() => writeFileSync(stray, '{}'));
  assert.ok(!existsSync(stray));
  assert.equal((await again.keeper.backups('geo')).length, 1);
  assert.ok(existsSync(again.backupFile('geo', (await again.keeper.backups('geo'))[0]?.id ?? '')));
});
