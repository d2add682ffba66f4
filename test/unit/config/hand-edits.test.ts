import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/kernel/clock.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { caller, configRoom, plainUpdate } from '../../helpers/config-room.ts';
import { eventually } from '../../helpers/event-room.ts';

const file = '# ours\nagent:\n  name: edge # here\n  log_level: info\n';
const level = (name: string): string => file.replace('info', name);
const byHand = { name: 'file', reason: '', traceId: '' };

/** Lets time pass until it holds. */
const passes = (advance: (ms: number) => void, holds: () => boolean): Promise<void> =>
  eventually(() => {
    advance(50);
    return holds();
  });

test('hand edits are taken up: written in place, and renamed over', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  room.config.start();
  room.write(level('debug'));
  await eventually(() => room.config.get().revision === 2);
  const temp = join(room.dir, 'agent.yaml.swp');
  writeFileSync(temp, level('warn'), { mode: 0o600 });
  renameSync(temp, room.path);
  await eventually(() => room.config.get().revision === 3);
  assert.deepEqual(
    room.applied.map(({ settings }) => settings.agent.logLevel),
    ['debug', 'warn'],
  );
  assert.deepEqual(
    room.events.map(({ type, data }) => [type, data?.['author'], data?.['applied'], data?.['revision']]),
    [
      ['config.applied', 'file', ['agent.log_level'], 2],
      ['config.applied', 'file', ['agent.log_level'], 3],
    ],
  );
});

test('a broken edit leaves the old one in force, is told once, and mends', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  room.config.start();
  const broken = level('loud');
  room.write(broken);
  await eventually(() => room.config.health().status === 'DEGRADED');
  assert.match(room.config.health().message, new RegExp(`${room.path}:4: agent.log_level: "loud" is not one of`));
  await assert.rejects(room.config.reload(caller), {
    reason: 'CONFIG_INVALID',
    metadata: { file: room.path, line: '4', key: 'agent.log_level' },
  });
  writeFileSync(room.path, broken);
  await systemClock.sleep(400);
  assert.equal(room.events.length, 1);
  room.write('agent: [');
  await eventually(() => room.events.length === 2);
  assert.deepEqual(
    room.events.map(({ type }) => type),
    ['config.rejected', 'config.rejected'],
  );
  assert.equal(room.config.get().revision, 1);
  room.write(file);
  await eventually(() => room.config.health().status === 'HEALTHY');
  room.write(broken);
  await eventually(() => room.events.length === 3);
  room.write(level('debug'));
  await eventually(() => room.config.health().status === 'HEALTHY');
  assert.deepEqual([room.config.get().revision, room.events.at(-1)?.type, room.applied.length], [2, 'config.applied', 1]);
});

test('what is saved while an edit before it is refused is judged by itself', async () => {
  const levels: string[] = [];
  await using room = await configRoom(
    { 'agent.yaml': file },
    {
      async apply({ settings }) {
        levels.push(settings.agent.logLevel);
        if (settings.agent.logLevel !== 'debug') return;
        writeFileSync(room.path, level('warn'));
        throw new Error('this level cannot be had');
      },
    },
  );
  room.config.start();
  room.write(level('debug'));
  await eventually(() => levels.includes('warn'));
  await eventually(() => room.config.get().revision === 2);
  assert.deepEqual(levels, ['debug', 'warn']);
});

test('a refused edit that a change over the API overwrites is kept as a copy', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  room.config.start();
  room.write(`${level('loud')}# an hour of work\n`);
  await eventually(() => room.config.health().status === 'DEGRADED');
  await room.config.update({ document: { agent: { log_level: 'warn' } } }, { ...plainUpdate, mask: ['agent.log_level'] });
  assert.equal(room.read(), level('warn'));
  const dir = join(room.stateDir, 'backups/agent/overwritten');
  const [copy = ''] = readdirSync(dir);
  assert.match(copy, /^[0-9a-f]{12}-agent\.yaml$/);
  assert.equal(readFileSync(join(dir, copy), 'utf8'), `${level('loud')}# an hour of work\n`);
  await eventually(() => room.config.health().status === 'HEALTHY');
});

test('files that others may write to, and files that are gone, are refused; their return heals', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  room.config.start();
  chmodSync(room.path, 0o666);
  await eventually(() => /others may write/.test(room.config.health().message));
  chmodSync(room.path, 0o600);
  await eventually(() => room.config.health().status === 'HEALTHY');
  rmSync(room.path);
  await eventually(() => /no such file/.test(room.config.health().message));
  writeFileSync(room.path, file, { mode: 0o600 });
  await eventually(() => room.config.health().status === 'HEALTHY');
  assert.equal(room.config.get().revision, 1);
});

test('a file of a secret that is refused stays told, whatever the files that name it are, until it is fit', async (t) => {
  const secrets = mkdtempSync(join(tmpdir(), 'sboxagent-secret-'));
  t.after(() => rmSync(secrets, { recursive: true, force: true }));
  const secret = join(secrets, 'token');
  const put = (text: string): void => writeFileSync(secret, text, { mode: 0o600 });
  put('one-static-token-of-forty-letters-abcdef');
  const text = `api: {security: {auth_token_file: ${secret}}}\n`;
  await using room = await configRoom({ 'agent.yaml': text });
  put('short');
  const refused = (): number => room.events.filter(({ type }) => type === 'config.rejected').length;
  for (let times = 0; times < 2; times++) await assert.rejects(room.config.reload(byHand));
  assert.deepEqual([room.config.health().status, refused()], ['DEGRADED', 1], 'the same refusal is told once');
  room.config.start(); // looks at its files for the first time
  await sleep(400);
  assert.equal(room.config.health().status, 'DEGRADED');
  room.write(`${text}agent: {name: 7up}\nx: 1\n`);
  await eventually(() => refused() === 2);
  room.write(text);
  await eventually(() => refused() === 3); // the files are good again, and the secret is not
  assert.equal(room.config.health().status, 'DEGRADED');
  put('two-static-token-of-forty-letters-ghijkl');
  await room.config.reload(byHand);
  assert.equal(room.config.health().status, 'HEALTHY');
  put('short');
  await assert.rejects(room.config.reload(byHand));
  assert.deepEqual([room.config.health().status, refused()], ['DEGRADED', 4], 'it was fit in between');
  put('two-static-token-of-forty-letters-ghijkl');
  const etag = room.config.get().etag;
  await room.config.update({ document: {} }, { ...plainUpdate, mask: ['agent.name'], etag });
  assert.equal(room.config.health().status, 'HEALTHY', 'files in effect are judged again before a change, and the secret is mended');
});

test('own writes are no hand edits', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  room.config.start();
  for (const name of ['debug', 'warn', 'error']) {
    await room.config.update({ document: { agent: { log_level: name } } }, { ...plainUpdate, mask: ['agent.log_level'] });
    await systemClock.sleep(250);
  }
  assert.deepEqual(
    room.events.map(({ data }) => data?.['author']),
    ['ops', 'ops', 'ops'],
  );
  assert.equal(room.config.get().revision, 4);
});

test('a hand edit that nobody took up yet is not lost to a change over the API', async () => {
  await using room = await configRoom({ 'agent.yaml': file }, { autoReload: () => false });
  room.config.start();
  const { etag } = room.config.get();
  room.write(file.replace('edge', 'north'));
  await systemClock.sleep(300);
  assert.equal(room.config.get().revision, 1);
  const change = { document: { agent: { log_level: 'debug' } } };
  await assert.rejects(room.config.update(change, { ...plainUpdate, mask: ['agent.log_level'], etag }), { reason: 'ETAG_STALE' });
  await room.config.update(change, { ...plainUpdate, mask: ['agent.log_level'] });
  assert.equal(room.read(), level('debug').replace('edge', 'north'));
  assert.deepEqual(
    (await room.config.revisions({ limit: 9 })).map(({ author }) => author),
    ['ops', 'file', 'file'],
  );
});

test('a reload on request: what changed, or nothing', async () => {
  await using room = await configRoom({ 'agent.yaml': file }, { autoReload: () => false });
  assert.deepEqual((await room.config.reload(byHand)).changes, []);
  room.write(`${file}api: {port: 9000}\n`);
  const change = await room.config.reload(caller);
  assert.deepEqual(change.changes, [{ path: 'api.port', oldValue: 8080, newValue: 9000, effect: 'RESTART_REQUIRED' }]);
  assert.deepEqual([change.restartRequired, change.revision], [true, 2]);
  assert.deepEqual(
    room.events.map(({ data, traceId }) => [data?.['restart_required'], traceId]),
    [[['api.port'], caller.traceId]],
  );
  assert.deepEqual([(await room.config.reload(caller)).changes, room.events.length], [[], 1]);
});

test('a comment that changes is a revision and no event', async () => {
  await using room = await configRoom({ 'agent.yaml': file }, { autoReload: () => false });
  const { etag } = room.config.get();
  room.write(file.replace('# ours', '# yours'));
  const change = await room.config.reload(byHand);
  assert.deepEqual([change.changes, change.revision], [[], 2]);
  assert.notEqual(change.etag, etag);
  assert.deepEqual([room.events, room.applied], [[], []]);
});

test('revisions outlive the agent; what changed while it was down is one of them', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  await room.config.update({ document: { agent: { log_level: 'debug' } } }, { ...plainUpdate, mask: ['agent.log_level'] });
  await room.reopen();
  assert.equal(room.config.get().revision, 2);
  room.write(level('warn'));
  await room.reopen();
  const [newest] = await room.config.revisions({ limit: 1 });
  assert.deepEqual(
    [newest?.revision, newest?.author, newest?.changes],
    [3, 'file', [{ path: 'agent.log_level', oldValue: 'debug', newValue: 'warn', effect: 'APPLIED' }]],
  );
  assert.equal(room.events.length, 1);
  const back = await room.config.rollback(2, caller);
  assert.deepEqual([room.read(), back.revision, back.changes.length], [level('debug'), 4, 1]);
  await assert.rejects(room.config.rollback(9, caller), { reason: 'CONFIG_REVISION_NOT_FOUND' });
  const backup = join(room.stateDir, 'backups/agent/1.json');
  writeFileSync(backup, readFileSync(backup, 'utf8').replace('edge', 'evil'));
  await assert.rejects(room.config.rollback(1, caller), { reason: 'BACKUP_DAMAGED' });
  rmSync(backup);
  await assert.rejects(room.config.rollback(1, caller), { reason: 'BACKUP_NOT_FOUND' });
  assert.equal(room.read(), level('debug'));
});

test('the newest hundred revisions are kept', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  for (let i = 0; i < 103; i++) {
    await room.config.update({ document: { api: { port: 9000 + i } } }, { ...plainUpdate, mask: ['api.port'] });
  }
  const all = await room.config.revisions({ limit: 1000 });
  assert.deepEqual([all.length, all[0]?.revision, all.at(-1)?.revision], [100, 104, 5]);
  assert.equal(readdirSync(join(room.stateDir, 'backups/agent')).length, 100);
  assert.deepEqual(
    (await room.config.revisions({ limit: 2, before: 7 })).map(({ revision }) => revision),
    [6, 5],
  );
});

test('several files: each key stays in its file, a new one goes where it belongs', async () => {
  const files = { 'agent.yaml': '# a\nagent: {name: x} # n\nlogs: {files: 3}\n', 'api.yaml': '# b\napi:\n  port: 8080\n' };
  await using room = await configRoom(files);
  const { yaml } = room.config.get();
  assert.equal(yaml, `# agent.yaml\n${files['agent.yaml']}\n# api.yaml\n${files['api.yaml']}`);
  const change = await room.config.update(
    { yaml: `${yaml.replace('8080', '9090').replace('files: 3', 'files: 4')}plugins: {enabled: false}\n` },
    plainUpdate,
  );
  assert.deepEqual(
    change.changes.map(({ path }) => path),
    ['api.port', 'logs.files', 'plugins.enabled'],
  );
  assert.equal(room.read('api.yaml'), files['api.yaml'].replace('8080', '9090'));
  assert.equal(room.read('agent.yaml'), `${files['agent.yaml'].replace('files: 3', 'files: 4')}plugins:\n  enabled: false\n`);
  const [bad] = room.config.validate({ yaml: `${yaml}\nevents: {prot: 1}\n` });
  assert.deepEqual([bad?.file, bad?.line, bad?.path], ['document', yaml.split('\n').length + 1, 'events.prot']);
  await room.config.rollback(1, caller);
  assert.deepEqual([room.read('agent.yaml'), room.read('api.yaml')], [files['agent.yaml'], files['api.yaml']]);
  room.config.start();
  room.write('plugins: {enabled: false}\n', 'plugins.yaml');
  chmodSync(join(room.dir, 'plugins.yaml'), 0o600);
  await eventually(() => room.config.get().sources['plugins.enabled'] === join(room.dir, 'plugins.yaml'));
  rmSync(join(room.dir, 'plugins.yaml'));
  await eventually(() => room.config.get().sources['plugins.enabled'] === 'default');
});

test('a file that cannot be written: nothing is changed, in none of the files', async () => {
  // Names end at 255 bytes, and the new file beside this one would have 20 more.
  const long = `${'x'.repeat(245)}.yaml`;
  await using room = await configRoom({ [long]: file });
  await assert.rejects(room.config.update({ document: {} }, plainUpdate), { reason: 'CONFIG_NOT_WRITTEN', metadata: { file: room.path } });
  assert.deepEqual([room.read(), room.config.get().revision, room.events], [file, 1, []]);
  assert.equal((await room.config.revisions({ limit: 9 })).length, 1);
  assert.deepEqual(readdirSync(room.dir), [long]);
  assert.deepEqual(readdirSync(join(room.stateDir, 'backups/agent')), ['1.json']);
});

test('a backup that cannot be written: nothing is changed', async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  const dir = join(room.stateDir, 'backups/agent');
  mkdirSync(join(dir, '2.json'));
  writeFileSync(join(dir, '2.json', 'x'), '');
  await assert.rejects(room.config.update({ document: {} }, plainUpdate), { reason: 'CONFIG_NOT_WRITTEN' });
  assert.deepEqual([room.read(), room.config.get().revision, room.events], [file, 1, []]);
  assert.ok(!existsSync(join(dir, 'pending.json')));
});

test('a key that goes from one file to another: each state on the way can be read', async () => {
  const files = { 'agent.yaml': 'agent: {name: x}\nlogs: {files: 3}\n', 'api.yaml': 'api: {port: 8080}\n' };
  await using room = await configRoom(files, { autoReload: () => false });
  const written: string[] = [];
  room.write('agent: {name: x}\n', 'agent.yaml');
  room.write('api: {port: 8080}\nlogs: {files: 3}\n', 'api.yaml');
  await room.config.reload(caller);
  const watcher = watch(room.dir, (_, name) => void (name?.endsWith('.yaml') && !name.startsWith('.') && written.push(name)));
  await room.config.rollback(1, caller);
  await eventually(() => new Set(written).size === 2);
  watcher.close();
  assert.equal(written[0], 'api.yaml', 'it is taken out before it is put in');
  assert.deepEqual([room.read('agent.yaml'), room.read('api.yaml')], [files['agent.yaml'], files['api.yaml']]);
});

const units = `${file}processes:\n  units:\n    edge: {command: [sleep, "300"]}\n    spare: {command: [sleep, "300"]}\n`;

test('a file that is emptied is refused, however it is asked for, and one that says nothing on purpose is not', async () => {
  await using room = await configRoom({ 'agent.yaml': units });
  room.config.start();
  for (const [text, asked] of [
    ['', false],
    [' \n\n', true],
  ] as const) {
    room.write(text);
    if (asked)
      await assert.rejects(room.config.reload(caller), { reason: 'CONFIG_INVALID', metadata: { file: room.path, line: '0', key: '' } });
    await eventually(() => /agent\.yaml: .*empty/.test(room.config.health().message));
    assert.deepEqual(room.applied, []);
    room.write(units);
    await eventually(() => room.config.health().status === 'HEALTHY');
  }
  assert.deepEqual(
    room.events.map(({ type }) => type),
    ['config.rejected', 'config.rejected'],
  );
  room.write('{}\n');
  await room.config.reload(caller);
  assert.deepEqual(room.applied.at(-1)?.settings.processes.units, {});
});

test('an empty file is refused at the start too, where it was not empty before', async () => {
  await using room = await configRoom({ 'agent.yaml': units });
  room.write('');
  await assert.rejects(room.reopen(), /agent\.yaml: the file is empty/);
  room.write(units);
  await room.reopen();
  assert.equal(room.config.get().revision, 1);
});

test('what is being written does not count until it has been still', async () => {
  const { clock, advance } = bentClock();
  await using room = await configRoom({ 'agent.yaml': file }, { clock, reloadDelayMs: () => 600 });
  room.config.start();
  for (let i = 0; i < 8; i++) {
    room.write(`${level('debug')}# ${i}\n`);
    advance(400);
    await systemClock.sleep(20);
    assert.equal(room.config.get().revision, 1, 'each write begins it anew');
  }
  await passes(advance, () => room.config.get().revision === 2);
  assert.equal(room.events.length, 1);
});

test('what stops a running unit takes five seconds of stillness, and the event names the units', async () => {
  const { clock, advance } = bentClock();
  await using room = await configRoom({ 'agent.yaml': units }, { clock, running: () => new Set(['edge']) });
  room.config.start();
  const without = (...ids: readonly string[]): string => ids.reduce((text, id) => text.replace(new RegExp(`    ${id}: .*\\n`), ''), units);
  room.write(without('spare'));
  await passes(advance, () => room.config.get().revision === 2);
  assert.deepEqual([room.events.at(-1)?.data?.['stopped_units'], room.applied.length], [undefined, 1], 'it does not run');
  const before = clock.monotonicMs();
  room.write(without('edge', 'spare'));
  await passes(advance, () => room.config.get().revision === 3);
  assert.ok(clock.monotonicMs() - before >= 5000, `${clock.monotonicMs() - before} ms`);
  assert.deepEqual(room.events.at(-1)?.data?.['stopped_units'], ['edge']);
  room.write(units);
  await room.config.reload(caller);
  room.write(without('edge'));
  await room.config.reload(caller);
  assert.deepEqual(room.events.at(-1)?.data?.['stopped_units'], ['edge'], 'who asks waits for nothing');
});
