import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { openDocumentRoom, refusalOf, settings, update } from './room.ts';

const schema = {
  type: 'object',
  properties: {
    url: { type: 'string' },
    port: { type: 'integer', minimum: 1 },
    password: { type: 'string', writeOnly: true, minLength: 8 },
    servers: {
      type: 'array',
      items: { type: 'object', properties: { id: { type: 'string' }, key: { type: 'string', format: 'password' } } },
    },
  },
  additionalProperties: false,
} as const;

test('a document is a file of its own, 0600 in 0700, with revision, etag and state beside it', async () => {
  await using room = await openDocumentRoom();
  assert.equal(room.keeper.get('geo').revision, 0);
  assert.equal(room.keeper.get('geo').config, undefined);
  const made = await room.keeper.update('geo', update({ url: 'https://example.org', password: 'hunter2hunter2' }));
  assert.equal(made.revision, 1);
  assert.equal(made.applyState, 'PENDING');
  assert.deepEqual(made.config, { url: 'https://example.org', password: '***' });
  assert.deepEqual(JSON.parse(room.read('geo')), { url: 'https://example.org', password: 'hunter2hunter2' });
  assert.match(room.read('geo'), /\n {2}"url"/);
  assert.equal(statSync(room.file('geo')).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(room.file('geo'))).mode & 0o777, 0o700);
  assert.deepEqual(room.keeper.unmasked('geo').config, { url: 'https://example.org', password: 'hunter2hunter2' });
  assert.deepEqual(room.changes, ['geo']);
  assert.equal(room.events.length, 0);
  assert.equal(room.keeper.file('geo'), room.file('geo'));
});

test('an etag guards; validate_only answers what would be; the same content is no revision', async () => {
  await using room = await openDocumentRoom();
  const first = await room.keeper.update('geo', update({ port: 1 }, { etag: room.keeper.get('geo').etag }));
  assert.equal((await refusalOf(() => room.keeper.update('geo', update({ port: 2 }, { etag: 'old' })))).reason, 'ETAG_STALE');
  const would = await room.keeper.update('geo', update({ port: 2 }, { etag: first.etag, validateOnly: true }));
  assert.deepEqual([would.revision, would.etag, would.config], [2, first.etag, { port: 2 }]);
  assert.equal(room.keeper.get('geo').revision, 1);
  const same = await room.keeper.update('geo', update({ port: 1 }, { etag: first.etag }));
  assert.deepEqual([same.revision, same.etag], [1, first.etag]);
  assert.deepEqual(room.changes, ['geo']);
  assert.equal((await room.keeper.backups('geo')).length, 0);
  const next = await room.keeper.update('geo', update({ port: 2 }, { etag: first.etag }));
  assert.equal(next.revision, 2);
  assert.notEqual(next.etag, first.etag);
});

test('changes of one plugin go one after the other: of ten with one etag one wins', async () => {
  await using room = await openDocumentRoom();
  const { etag } = await room.keeper.update('geo', update({ port: 1 }));
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => room.keeper.update('geo', update({ port: 10 + i }, { etag }))),
  );
  assert.deepEqual(results.map((r) => r.status).filter((s) => s === 'fulfilled').length, 1);
  assert.equal(room.keeper.get('geo').revision, 2);
});

test('the schema refuses with dotted paths, and never with the value of a secret', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: [], mayUnmask: true });
  const refused = await refusalOf(() =>
    room.keeper.update('geo', update({ port: 0, password: 'abc§§', servers: [{ id: 1 }], extra: true })),
  );
  assert.equal(refused.reason, 'CONFIG_INVALID');
  assert.deepEqual([...refused.fields].sort(), [
    'config.extra additionalProperties',
    'config.password minLength',
    'config.port minimum',
    'config.servers[0].id type',
  ]);
  assert.doesNotMatch(refused.text, /abc§§/);
  assert.equal(room.keeper.get('geo').revision, 0);
  assert.ok(!existsSync(room.file('geo')));
  room.keeper.setSettings({ ...settings, validation: false });
  assert.equal((await room.keeper.update('geo', update({ port: 0 }))).revision, 1);
});

test('a schema is kept over a restart; what is none is refused', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: ['url'], mayUnmask: true });
  await room.keeper.update('geo', update({ url: 'a' }));
  assert.deepEqual(room.keeper.get('geo').config, { url: '***' });
  const bad = [
    { type: 'strong' },
    { properties: { a: { pattern: '(' } } },
    { $ref: 'https://example.org/other.json' },
    { $schema: 'http://json-schema.org/draft-04/schema#' },
    { properties: { a: { $ref: '#/$defs/none' } } },
  ];
  for (const one of bad) {
    const refused = await refusalOf(() => room.keeper.setSchema('geo', { schema: one, secretPaths: [], mayUnmask: true }));
    assert.equal(refused.reason, 'PLUGIN_SCHEMA_INVALID', JSON.stringify(one));
    assert.ok(
      refused.fields.every((field) => field.startsWith('config_schema')),
      refused.fields.join(),
    );
  }
  await using again = await room.reopen();
  assert.deepEqual(again.keeper.get('geo').schema, schema);
  assert.deepEqual(again.keeper.get('geo').config, { url: '***' });
  assert.equal((await refusalOf(() => again.keeper.update('geo', update({ port: 0 })))).reason, 'CONFIG_INVALID');
});

test('a document that no longer fits a new schema stays, and is told once', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.update('geo', update({ port: 0 }));
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: [], mayUnmask: true });
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: [], mayUnmask: true });
  assert.equal(room.keeper.get('geo').revision, 1);
  assert.deepEqual(
    room.events.map((e) => [e.type, e.subject, e.data?.['reason']]),
    [['config.rejected', 'geo', 'SCHEMA_CHANGED']],
  );
});

test('acknowledgements: applied and failed are told once each, under the trace of the update', async () => {
  await using room = await openDocumentRoom();
  const { keeper, events } = room;
  await keeper.update('geo', update({ port: 1 }));
  assert.equal((await keeper.acknowledge('geo', { revision: 1, applied: true, message: '' })).applyState, 'APPLIED');
  await keeper.acknowledge('geo', { revision: 1, applied: true, message: '' });
  await keeper.update('geo', update({ port: 2, password: 'hunter2hunter2' }, { traceId: 'cd'.repeat(16) }));
  assert.equal(keeper.get('geo').appliedRevision, 1);
  const failed = await keeper.acknowledge('geo', { revision: 2, applied: false, message: 'no: hunter2hunter2 is a bad one; token=abcdef' });
  assert.deepEqual([failed.applyState, failed.applyMessage, failed.appliedRevision], ['FAILED', 'no: *** is a bad one; token=***', 1]);
  await keeper.acknowledge('geo', { revision: 2, applied: false, message: 'again' });
  assert.deepEqual(
    events.map((e) => [e.type, e.subject, e.traceId, e.data?.['revision']]),
    [
      ['config.applied', 'geo', 'ab'.repeat(16), 1],
      ['config.rejected', 'geo', 'cd'.repeat(16), 2],
    ],
  );
  await keeper.update('geo', update({ port: 3 }));
  const late = await keeper.acknowledge('geo', { revision: 2, applied: true, message: '' });
  assert.deepEqual([late.appliedRevision, late.applyState], [2, 'PENDING']);
  assert.equal(events.length, 2);
  assert.equal((await refusalOf(() => keeper.acknowledge('geo', { revision: 4, applied: true, message: '' }))).reason, 'INVALID_REQUEST');
  assert.equal((await refusalOf(() => keeper.acknowledge('none', { revision: 1, applied: true, message: '' }))).reason, 'INVALID_REQUEST');
});

test('an acknowledgement does not tell the secret of an earlier revision either', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  await keeper.update('geo', update({ port: 1, password: 'hunter2hunter2' }));
  await keeper.acknowledge('geo', { revision: 1, applied: true, message: '' });
  await keeper.update('geo', update({ port: 2 }));
  const failed = await keeper.acknowledge('geo', { revision: 2, applied: false, message: 'I keep hunter2hunter2' });
  assert.equal(failed.applyMessage, 'I keep ***');
});

test('pushed again it is PENDING and told to the watchers; no event a second time', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  assert.equal(await keeper.push('geo'), false);
  await keeper.update('geo', update({ port: 1 }));
  await keeper.acknowledge('geo', { revision: 1, applied: true, message: '' });
  const before = room.changes.length;
  assert.equal(await keeper.push('geo'), true);
  assert.equal(room.changes.length, before + 1);
  assert.deepEqual([keeper.get('geo').revision, keeper.get('geo').applyState], [1, 'PENDING']);
  await keeper.acknowledge('geo', { revision: 1, applied: true, message: '' });
  assert.deepEqual(
    room.events.map((e) => e.type),
    ['config.applied'],
  );
});

test('rollback brings the newest acknowledged document back as a new revision, without backups and over a restart', async () => {
  await using room = await openDocumentRoom({ settings: { ...settings, backupEnabled: false } });
  const by = { author: 'recovery', traceId: 'ef'.repeat(16) };
  assert.equal(await room.keeper.rollback('geo', by), false);
  await room.keeper.update('geo', update({ port: 1 }));
  assert.equal(await room.keeper.rollback('geo', by), false);
  await room.keeper.acknowledge('geo', { revision: 1, applied: true, message: '' });
  assert.equal(await room.keeper.rollback('geo', by), false, 'it is that already');
  for (let port = 2; port < 12; port++) await room.keeper.update('geo', update({ port }));
  assert.equal((await room.keeper.backups('geo')).length, 0);
  await using again = await room.reopen();
  assert.equal(await again.keeper.rollback('geo', by), true);
  assert.deepEqual([again.keeper.get('geo').revision, again.keeper.get('geo').config], [12, { port: 1 }]);
  assert.deepEqual(JSON.parse(again.read('geo')), { port: 1 });
  assert.deepEqual(again.events, [
    {
      type: 'config.rolled_back',
      subject: 'geo',
      severity: 'INFO',
      traceId: 'ef'.repeat(16),
      data: { plugin: 'geo', from_revision: 11, to_revision: 1, revision: 12, author: 'recovery' },
    },
  ]);
});

test('removed, nothing is left; and it can begin anew', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.setSchema('geo', { schema: schema, secretPaths: [], mayUnmask: true });
  await room.keeper.update('geo', update({ port: 1 }));
  await room.keeper.update('geo', update({ port: 2 }));
  await room.keeper.remove('geo');
  await room.keeper.remove('geo');
  assert.deepEqual([room.keeper.get('geo').revision, room.keeper.get('geo').schema, await room.keeper.backups('geo')], [0, undefined, []]);
  assert.deepEqual(readdirSync(`${room.dir}/plugins`), []);
  assert.deepEqual(readdirSync(`${room.dir}/backups/plugins`), []);
  assert.equal((await room.keeper.update('geo', update({ port: 3 }))).revision, 1);
});

test('ids that are no folder have no document; sizes and depths have limits', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  for (const id of ['../up', '', '.hidden', 'a/b', 'x'.repeat(64)]) {
    assert.equal(keeper.get(id).revision, 0);
    assert.equal((await refusalOf(() => keeper.update(id, update({})))).reason, 'INVALID_REQUEST');
  }
  let deep: Record<string, unknown> = {};
  for (let i = 0; i < 70; i++) deep = { a: deep };
  assert.deepEqual((await refusalOf(() => keeper.update('geo', update(deep as never)))).fields, ['config depth']);
  assert.deepEqual((await refusalOf(() => keeper.update('geo', update({ a: 'x'.repeat(1 << 20) })))).fields, ['config max_bytes']);
  assert.deepEqual(
    (await refusalOf(() => keeper.setSchema('geo', { schema: { title: 'x'.repeat(1 << 18) }, secretPaths: [], mayUnmask: true }))).fields,
    ['config_schema max_bytes'],
  );
  assert.equal(
    (await refusalOf(() => keeper.setSchema('geo', { schema: deep as never, secretPaths: [], mayUnmask: true }))).reason,
    'PLUGIN_SCHEMA_INVALID',
  );
  assert.equal((await keeper.update('geo', update({ a: 'x'.repeat(1_000_000) }))).revision, 1);
});

test('a disk that refuses changes nothing', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.update('geo', update({ port: 1 }));
  // A file stands where the folder of the next plugin should be.
  writeFileSync(`${room.dir}/plugins/other`, '');
  assert.equal((await refusalOf(() => room.keeper.update('other', update({ port: 1 })))).reason, 'CONFIG_NOT_WRITTEN');
  assert.equal(room.keeper.get('other').revision, 0);
  await using again = await room.reopen();
  assert.equal(again.keeper.get('other').revision, 0);
  assert.equal(again.keeper.get('geo').revision, 1);
});
