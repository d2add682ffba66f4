/** Whose a plugin is, tried with real tokens over gRPC, Connect and REST. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { PluginSessionService } from '../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { type Caller, caller, callerWith } from '../helpers/callers.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-unit-'));
const unitEnv = join(dir, 'env');
let daemon: Daemon;
let admin: Caller;
let reader: Caller;
before(async () => {
  daemon = await makeDaemon({
    config: {
      plugins: {
        health_check: { interval: '300ms', retries: 2 },
        event_collection: { flush_interval: '100ms' },
        units: { geo: { command: ['sh', '-c', `env > ${unitEnv}.new; mv ${unitEnv}.new ${unitEnv}; exec sleep 600`], autostart: true } },
      },
    },
  });
  await daemon.start();
  admin = callerWith(daemon, daemon.token());
  reader = caller(daemon, ['read']);
});
after(async () => {
  await daemon.dispose();
  rmSync(dir, { recursive: true, force: true });
});

const registration = (id: string, more: object = {}): object => ({ plugin: { id, kind: 'REMOTE' }, lease: '60s', ...more });

async function register(as: Caller, id: string, more: object = {}): Promise<string> {
  const { status, json } = await as.connect('PluginSessionService/RegisterPlugin', registration(id, more));
  assert.equal(status, 200, JSON.stringify(json));
  return json.sessionId;
}

async function isRefused(as: Caller, id: string): Promise<void> {
  const { status, reason } = await as.connect('PluginSessionService/RegisterPlugin', registration(id));
  assert.deepEqual([status, reason], [403, 'PLUGIN_OWNED']);
  const grpc = await as.grpc(PluginSessionService, 'RegisterPlugin', registration(id) as never);
  assert.deepEqual([grpc.status, grpc.reason], [403, 'PLUGIN_OWNED']);
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin as REST shows it
const pluginOf = async (id: string): Promise<any> => (await reader.rest('GET', `/api/v1/plugins/${id}`)).json;

it('an id is whose it was first, over restarts: no other token registers it, or uses its session', async () => {
  const mine = caller(daemon, ['events:write']);
  const other = caller(daemon, ['events:write', 'operate', 'config:write', 'read']);
  const session = await register(mine, 'own', { secret_paths: ['key'] });
  assert.equal((await admin.rest('PUT', '/api/v1/plugins/own/config', { key: 'hunter2hunter2' })).status, 200);
  const ids = { pluginId: 'own', sessionId: session };
  const tries: readonly (readonly [string, object])[] = [
    ['RenewPluginLease', ids],
    ['ReportPluginHealth', { ...ids, status: 'UNHEALTHY' }],
    ['AckPluginConfig', { ...ids, revision: 1, applied: true }],
    ['EndPluginSession', ids],
    ['RecordMetrics', { ...ids, points: [{ name: 'n', kind: 'GAUGE', value: 1 }] }],
    ['RecordMetrics', { pluginId: 'own', points: [{ name: 'n', kind: 'GAUGE', value: 1 }] }],
  ];
  for (const life of ['this life of the daemon', 'the next one']) {
    await isRefused(other, 'own');
    for (const [method, body] of tries) {
      const connect = await other.connect(`PluginSessionService/${method}`, body);
      assert.deepEqual([connect.status, connect.reason], [403, 'PLUGIN_OWNED'], `${method} in ${life}`);
      const grpc = await other.grpc(PluginSessionService, method, body as never);
      assert.deepEqual([grpc.status, grpc.reason], [403, 'PLUGIN_OWNED'], `${method} by gRPC in ${life}`);
    }
    const watch = await other.watchPluginConfig('own', session);
    assert.match(watch, /PLUGIN_OWNED/);
    assert.doesNotMatch(watch, /hunter2/);
    assert.match(await mine.watchPluginConfig('own', session), /hunter2hunter2/);
    assert.equal((await mine.connect('PluginSessionService/RenewPluginLease', ids)).status, 200);
    await daemon.kill('SIGKILL');
    await daemon.start();
  }
  assert.equal((await pluginOf('own')).state, 'ACTIVE');
});

it('of many who register one id at the same moment one is the first, and a refused registration binds nothing', async () => {
  const many = Array.from({ length: 8 }, () => caller(daemon, ['events:write']));
  const answers = await Promise.all(many.map((as) => as.connect('PluginSessionService/RegisterPlugin', registration('raced'))));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 7 }, () => 403)]);
  const [first, second] = many;
  assert.ok(first && second);
  const bad = await first.connect('PluginSessionService/RegisterPlugin', registration('bad-schema', { config_schema: { type: 7 } }));
  assert.deepEqual([bad.status, bad.reason], [400, 'PLUGIN_SCHEMA_INVALID']);
  await register(second, 'bad-schema');
});

it('an event of another token that names the plugin is stored, and says nothing of it', async () => {
  const mine = caller(daemon, ['events:write']);
  const other = caller(daemon, ['events:write'], { name: 'named' });
  await register(mine, 'heard');
  const registered = caller(daemon, ['events:write'], { name: 'heard-too' });
  await register(mine, 'heard-too');
  const before = await pluginOf('heard');
  const claims = [{ source: 'heard' }, { source: 'x', attributes: { plugin: 'heard' } }];
  for (const claim of claims) {
    const { status, json } = await other.rest('POST', '/api/v1/events', { type: 'plugin.error', ...claim });
    assert.deepEqual([status, json.attributes.unowned_plugin], [201, 'heard']);
  }
  // By the name of its token.
  assert.equal((await registered.rest('POST', '/api/v1/events', { type: 'plugin.error' })).json.attributes.unowned_plugin, 'heard-too');
  await daemon.kill('SIGKILL');
  await daemon.start();
  for (const id of ['heard', 'heard-too']) {
    const { calls, recent_events: events } = await pluginOf(id);
    assert.deepEqual([calls.count, calls.errors, events], [0, 0, []]);
  }
  assert.equal((await pluginOf('heard')).last_seen, before.last_seen);
  assert.equal((await mine.rest('POST', '/api/v1/events', { type: 'plugin.error', source: 'heard' })).status, 201);
  assert.equal((await pluginOf('heard')).calls.errors, 1);
});

it('a schema without its secrets unmasks nothing, whoever brings it', async () => {
  const mine = caller(daemon, ['events:write']);
  const schema = { properties: { deep: { properties: { pin: { type: 'string', writeOnly: true } } } } };
  await register(mine, 'masked', { config_schema: schema, secret_paths: ['plain'] });
  await admin.rest('PUT', '/api/v1/plugins/masked/config', { plain: 'one-secret', deep: { pin: 'two-secret' }, open: 1 });
  const shown = async (): Promise<unknown> => (await reader.rest('GET', '/api/v1/plugins/masked/config')).json.config;
  const hidden = { plain: '***', deep: { pin: '***' }, open: 1 };
  for (const as of [mine, admin]) {
    await register(as, 'masked', { config_schema: {} });
    assert.deepEqual(await shown(), hidden);
    await register(as, 'masked');
    assert.deepEqual(await shown(), hidden);
  }
  const backups = (await reader.rest('GET', '/api/v1/plugins/masked/config/backups')).json.backups;
  await admin.rest('PUT', '/api/v1/plugins/masked/config', { plain: 'three', open: 2 });
  assert.deepEqual(await shown(), { plain: '***', open: 2 });
  assert.ok(backups !== undefined);
  const [backup] = (await reader.rest('GET', '/api/v1/plugins/masked/config/backups')).json.backups;
  assert.equal((await admin.rest('POST', `/api/v1/plugins/masked/config/backups/${backup.id}:restore`, {})).status, 200);
  assert.deepEqual(await shown(), hidden);
});

it('an admin may always, and takes nothing away; only an admin or the owner frees an id', async () => {
  const mine = caller(daemon, ['events:write']);
  const other = caller(daemon, ['events:write', 'operate']);
  const old = await register(mine, 'kept');
  const theirs = await register(admin, 'kept');
  assert.equal(
    (await mine.connect('PluginSessionService/RenewPluginLease', { pluginId: 'kept', sessionId: old })).reason,
    'PLUGIN_SESSION_ENDED',
  );
  assert.equal(
    (await mine.connect('PluginSessionService/RenewPluginLease', { pluginId: 'kept', sessionId: theirs })).reason,
    'PLUGIN_OWNED',
  );
  await register(mine, 'kept');
  await isRefused(other, 'kept');
  assert.equal((await other.rest('DELETE', '/api/v1/plugins/kept')).status, 200);
  await isRefused(other, 'kept');
  await register(mine, 'kept');
  assert.equal((await admin.rest('DELETE', '/api/v1/plugins/kept')).status, 200);
  await register(other, 'kept');
  await isRefused(mine, 'kept');
});

it('a token that replaces another has what that one owned, and so has its successor', async () => {
  const first = caller(daemon, ['events:write']);
  await register(first, 'rotated');
  const second = caller(daemon, ['events:write'], { replaces: first.id });
  const third = caller(daemon, ['events:write'], { replaces: second.id });
  await until('the new tokens', async () => (await third.rest('GET', '/api/v1/status')).status === 403);
  await register(second, 'rotated');
  await register(third, 'rotated');
  await isRefused(caller(daemon, ['events:write']), 'rotated');
});

it('the id of a unit comes with the token in the environment of its unit, over restarts of the daemon', async () => {
  const environment = (): Record<string, string> =>
    Object.fromEntries(
      readFileSync(unitEnv, 'utf8')
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
  await until('the environment of the unit', () => environment()['SBOXAGENT_TOKEN'] !== undefined);
  const { SBOXAGENT_TOKEN: token = '', SBOXAGENT_TARGET: target = '', SBOXAGENT_PLUGIN_ID: id } = environment();
  assert.match(target, /^unix:.*api\.sock$/);
  assert.equal(id, 'geo');
  const unit = callerWith(daemon, token);
  await isRefused(caller(daemon, ['events:write', 'operate', 'config:write']), 'geo');
  for (let life = 0; life < 2; life++) {
    const sessionId = await register(unit, 'geo');
    assert.equal(
      (await unit.connect('PluginSessionService/ReportPluginHealth', { pluginId: 'geo', sessionId, status: 'HEALTHY' })).status,
      200,
    );
    assert.equal((await unit.rest('GET', '/api/v1/status')).reason, 'SCOPE_MISSING');
    await isRefused(unit, 'own');
    await daemon.kill('SIGKILL');
    await daemon.start();
  }
  await register(admin, 'geo');
  assert.doesNotMatch(daemon.log(), new RegExp(token));
});
