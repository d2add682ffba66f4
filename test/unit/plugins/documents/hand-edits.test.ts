import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { eventually } from '../../../helpers/event-room.ts';
import { openDocumentRoom, settings, type TestRoom, update } from './room.ts';

const schema = { properties: { port: { type: 'integer', minimum: 1 }, password: { writeOnly: true } } };

async function withDocument(room: TestRoom): Promise<void> {
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: [], mayUnmask: true });
  await room.keeper.update('geo', update({ port: 1, password: 'hunter2hunter2' }));
}

// Most of their time they wait for the next look at the files.
describe('changes by hand', { concurrency: 6 }, () => {
  it('a good edit by hand becomes a revision by `file`, with a backup', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    // As editors do it.
    writeFileSync(`${room.file('geo')}.new`, '{"port": 2,\n "password": "other-secret"}', { mode: 0o644 });
    renameSync(`${room.file('geo')}.new`, room.file('geo'));
    await eventually(() => room.keeper.get('geo').revision === 2);
    assert.deepEqual(room.keeper.get('geo').config, { port: 2, password: '***' });
    assert.equal(room.keeper.get('geo').applyState, 'PENDING');
    assert.deepEqual(
      (await room.keeper.backups('geo')).map((b) => b.revision),
      [1],
    );
    assert.equal(room.keeper.health().status, 'HEALTHY');
    assert.deepEqual(room.changes, ['geo', 'geo']);
    assert.match(room.read('geo'), /^\{"port": 2,\n/, "the person's own layout stays");
    await room.keeper.acknowledge('geo', { revision: 2, applied: true, message: '' });
    assert.deepEqual(
      room.events.map((e) => [e.type, e.data?.['author']]),
      [['config.applied', 'file']],
    );
  });

  it('a bad edit leaves the old document, is told once with file and line, and can be mended', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    room.write('geo', '{\n  "port": 2\n  "password": "hunter3hunter3"\n}');
    await eventually(() => room.keeper.health().status === 'DEGRADED');
    assert.match(room.keeper.health().message, /geo\/config\.json:3: a comma/);
    assert.deepEqual(room.keeper.unmasked('geo').config, { port: 1, password: 'hunter2hunter2' });
    room.write('geo', '{\n\n  "port": 0,\n  "password": "hunter3hunter3"\n}');
    await eventually(() => room.keeper.health().message.includes(':3: config.port: must be >= 1'));
    await systemClock.sleep(700);
    const told = room.events.map((e) => [e.type, e.subject, e.severity, e.data?.['line'], e.data?.['file']]);
    assert.deepEqual(told, Array(2).fill(['config.rejected', 'geo', 'WARNING', 3, room.file('geo')]));
    assert.doesNotMatch(JSON.stringify(room.events), /hunter/);
    assert.equal(room.keeper.get('geo').revision, 1);
    room.write('geo', '{"port": 3}');
    await eventually(() => room.keeper.get('geo').revision === 2);
    assert.equal(room.keeper.health().status, 'HEALTHY');
  });

  it('a bad edit is still refused after a restart, and not told again; the old text put back is HEALTHY', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    const good = room.read('geo');
    room.write('geo', '{"port": 0}');
    await eventually(() => room.keeper.health().status === 'DEGRADED');
    await using again = await room.reopen();
    assert.equal(again.keeper.health().status, 'DEGRADED');
    assert.deepEqual(again.events, []);
    assert.deepEqual(again.keeper.unmasked('geo').config, { port: 1, password: 'hunter2hunter2' });
    again.write('geo', good);
    await eventually(() => again.keeper.health().status === 'HEALTHY');
    assert.deepEqual([again.keeper.get('geo').revision, again.events, again.changes], [1, [], []]);
  });

  it('an update over a refused file mends it, also with the same content', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    room.write('geo', 'nonsense');
    await eventually(() => room.keeper.health().status === 'DEGRADED');
    const same = await room.keeper.update('geo', update({ port: 1, password: '***' }));
    assert.equal(same.revision, 1);
    assert.equal(room.keeper.health().status, 'HEALTHY');
    assert.deepEqual(JSON.parse(room.read('geo')), { port: 1, password: 'hunter2hunter2' });
  });

  it('own writes are not echoed; another layout is no revision; a file that is gone is written again', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    await room.keeper.update('geo', update({ port: 2 }));
    await systemClock.sleep(700);
    assert.equal(room.changes.length, 2);
    room.write('geo', '{"port":2}');
    await systemClock.sleep(800);
    assert.equal(room.keeper.get('geo').revision, 2);
    rmSync(room.file('geo'));
    await eventually(() => existsSync(room.file('geo')) && room.read('geo') === '{"port":2}');
    assert.deepEqual([room.changes.length, room.events.length, room.keeper.get('geo').revision], [2, 0, 2]);
  });

  it('an edit that nobody has seen yet comes before an update, whose etag is then stale', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    const { etag } = room.keeper.get('geo');
    room.write('geo', '{"port": 7}');
    await assert.rejects(() => room.keeper.update('geo', update({ port: 8 }, { etag })), { reason: 'ETAG_STALE' });
    assert.deepEqual(room.keeper.get('geo').config, { port: 7 });
  });

  it('edits while the agent is down are taken at the start; a new folder is a first revision', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    await using again = await room.reopen(() => {
      room.write('geo', '{"port": 9}');
      room.write('fresh', '{"a": 1}');
      room.write('broken', '[]');
    });
    assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [2, { port: 9 }]);
    assert.deepEqual([again.keeper.get('fresh').revision, again.keeper.get('fresh').config], [1, { a: 1 }]);
    assert.equal(again.keeper.get('broken').revision, 0);
    assert.match(again.keeper.health().message, /broken\/config\.json:1: must be an object/);
    mkdirSync(`${again.dir}/plugins/late`);
    await systemClock.sleep(700);
    again.write('late', '{"a": 2}');
    await eventually(() => again.keeper.get('late').revision === 1);
  });

  it('files that no document can be are refused and block nothing', async () => {
    await using room = await openDocumentRoom();
    await withDocument(room);
    const refused = async (text: string | Buffer, why: RegExp): Promise<void> => {
      writeFileSync(room.file('geo'), text);
      await eventually(() => why.test(room.keeper.health().message));
    };
    await refused('{"a":'.repeat(500_000), /:1: nested/);
    await refused(Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/);
    await refused(' '.repeat(5 * 1024 * 1024), /more than 4 MiB/);
    await refused('{"port": 1,\n"password": "***"}', /:2: config\.password: \*\*\* stands for a secret/);
    rmSync(room.file('geo'));
    mkdirSync(room.file('geo'));
    await eventually(() => /no regular file/.test(room.keeper.health().message));
    assert.equal(room.keeper.get('geo').revision, 1);
  });

  it('with auto_reload off nothing is looked at until it is on', async () => {
    await using room = await openDocumentRoom({ settings: { ...settings, autoReload: false } });
    await withDocument(room);
    room.write('geo', '{"port": 2}');
    await systemClock.sleep(800);
    assert.equal(room.keeper.get('geo').revision, 1);
    room.keeper.setSettings(settings);
    await eventually(() => room.keeper.get('geo').revision === 2);
  });
});
