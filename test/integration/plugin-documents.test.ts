import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { PluginConfig } from '../../gen/ts/sboxagent/v1/plugin_config.ts';
import { PluginServiceClient } from '../../gen/ts/sboxagent/v1/plugin_service.ts';
import {
  PluginSessionServiceClient,
  RegisterPluginRequest,
  type RegisterPluginResponse,
} from '../../gen/ts/sboxagent/v1/plugin_session_service.ts';
import { type Daemon, makeDaemon, root, until } from '../helpers/daemon.ts';
import { call, told } from '../helpers/plugin-client.ts';

const schema = {
  type: 'object',
  properties: {
    port: { type: 'integer', minimum: 1 },
    password: { type: 'string', writeOnly: true },
    servers: { type: 'array', items: { type: 'object', properties: { key: { format: 'password' } } } },
  },
};

/** A unary call of grpc-js as a promise. */
function ask<Q, A>(
  fn: (request: Q, metadata: Metadata, done: (error: ServiceError | null, answer: A) => void) => unknown,
  request: Q,
  metadata: Metadata,
): Promise<A> {
  return new Promise((resolve, reject) => fn(request, metadata, (error, answer) => (error ? reject(error) : resolve(answer))));
}

describe('documents of plugins, over the wire', () => {
  let daemon: Daemon;
  let metadata: Metadata;
  let sessions: PluginSessionServiceClient;
  let plugins: PluginServiceClient;
  before(async () => {
    daemon = await makeDaemon();
    await daemon.start();
    metadata = new Metadata();
    metadata.set('authorization', `Bearer ${daemon.token()}`);
    sessions = new PluginSessionServiceClient(`127.0.0.1:${daemon.port}`, credentials.createInsecure());
    plugins = new PluginServiceClient(`127.0.0.1:${daemon.port}`, credentials.createInsecure());
  });
  after(async () => {
    sessions.close();
    plugins.close();
    await daemon.dispose();
  });

  const register = (id: string): Promise<RegisterPluginResponse> => {
    const request = RegisterPluginRequest.fromPartial({ plugin: { id }, config_schema: schema, lease: { seconds: '60' } });
    return ask(sessions.registerPlugin.bind(sessions), request, metadata);
  };

  it('gRPC and REST: update, watch, acknowledge, fail, restore', async () => {
    const { session_id, config } = await register('grpc');
    assert.equal(config?.revision, 0);
    const seen: PluginConfig[] = [];
    const watch: ClientReadableStream<PluginConfig> = sessions.watchPluginConfig({ plugin_id: 'grpc', session_id }, metadata);
    watch.on('data', (document: PluginConfig) => seen.push(document)).on('error', () => {});
    const newest = (revision: number) => until(`revision ${revision}`, () => seen.find((document) => document.revision === revision));
    const acknowledge = (revision: number, applied: boolean, message: string): Promise<PluginConfig> =>
      ask(sessions.ackPluginConfig.bind(sessions), { plugin_id: 'grpc', session_id, revision, applied, message }, metadata);
    try {
      const made = await call(daemon, 'PUT', '/api/v1/plugins/grpc/config', {
        port: 1,
        password: 'hunter2hunter2',
        servers: [{ key: 'k1' }],
      });
      assert.equal(made.status, 200, JSON.stringify(made.json));
      assert.deepEqual([made.json.revision, made.json.apply_state, made.json.config.password], [1, 'PENDING', '***']);
      assert.deepEqual((await newest(1)).config, { port: 1, password: 'hunter2hunter2', servers: [{ key: 'k1' }] });
      await acknowledge(1, true, '');

      // Read, modify, write: the secrets survive.
      const got = (await call(daemon, 'GET', '/api/v1/plugins/grpc/config')).json;
      assert.deepEqual(
        [got.apply_state, got.applied_revision, got.config],
        ['APPLIED', 1, { port: 1, password: '***', servers: [{ key: '***' }] }],
      );
      const stale = await call(daemon, 'PUT', '/api/v1/plugins/grpc/config?etag=old', { ...got.config, port: 2 });
      assert.equal(stale.status, 409);
      const judged = await call(daemon, 'PUT', `/api/v1/plugins/grpc/config?validate_only=true&etag=${got.etag}`, {
        ...got.config,
        port: 2,
      });
      assert.deepEqual([judged.status, judged.json.revision], [200, 2]);
      const changed = await call(daemon, 'PUT', `/api/v1/plugins/grpc/config?etag=${got.etag}`, { ...got.config, port: 2 });
      assert.equal(changed.json.revision, 2);
      assert.deepEqual((await newest(2)).config, { port: 2, password: 'hunter2hunter2', servers: [{ key: 'k1' }] });
      const failed = await acknowledge(2, false, 'port 2 is taken, said hunter2hunter2');
      assert.equal(failed.apply_message, 'port 2 is taken, said ***');

      const refused = await call(daemon, 'PUT', '/api/v1/plugins/grpc/config', { port: 0, password: 7 });
      assert.equal(refused.status, 400);
      const fields = JSON.stringify(refused.json);
      for (const field of ['CONFIG_INVALID', 'config.port', 'config.password']) assert.ok(fields.includes(field), fields);

      const { backups } = (await call(daemon, 'GET', '/api/v1/plugins/grpc/config/backups')).json;
      assert.deepEqual(
        backups.map((b: { revision: number }) => b.revision),
        [1],
      );
      const restored = await call(daemon, 'POST', `/api/v1/plugins/grpc/config/backups/${backups[0].id}:restore`, {});
      assert.deepEqual([restored.status, restored.json.revision, restored.json.config.port], [200, 3, 1]);
      assert.equal((await newest(3)).config?.['password'], 'hunter2hunter2');
      await acknowledge(3, true, '');
      const story = await until('the story', async () => {
        const events = await told(daemon, 'config.*', 'grpc');
        return events.length >= 3 ? events : undefined;
      });
      assert.deepEqual(
        story.map(({ type, data }) => [type, data['revision']]),
        [
          ['config.applied', 1],
          ['config.rejected', 2],
          ['config.applied', 3],
        ],
      );
      assert.equal(new Set(story.map(({ trace }) => trace)).size, 3);
      assert.doesNotMatch(JSON.stringify(story) + daemon.log(), /hunter2/);
    } finally {
      watch.cancel();
    }
  });

  it('a backup that was tampered with is refused by gRPC and REST, and nothing changes', async () => {
    await register('tampered');
    for (const port of [1, 2]) await call(daemon, 'PUT', '/api/v1/plugins/tampered/config', { port });
    const dir = join(daemon.stateDir, 'backups/plugins/tampered');
    const [name = ''] = readdirSync(dir);
    writeFileSync(join(dir, name), readFileSync(join(dir, name), 'utf8').replace('1', '7'));
    const backup = name.replace('.json', '');
    const refused = await call(daemon, 'POST', `/api/v1/plugins/tampered/config/backups/${backup}:restore`, {});
    assert.equal(refused.status, 400);
    assert.match(JSON.stringify(refused.json), /BACKUP_DAMAGED/);
    await assert.rejects(ask(plugins.restorePluginConfigBackup.bind(plugins), { id: 'tampered', backup }, metadata), { code: 9 });
    assert.deepEqual((await call(daemon, 'GET', '/api/v1/plugins/tampered/config')).json.config, { port: 2 });
  });

  it('documents, backups and what was said survive a kill of the daemon', async () => {
    await register('kept');
    for (const port of [1, 2]) await call(daemon, 'PUT', '/api/v1/plugins/kept/config', { port, password: 'hunter2hunter2' });
    const before = (await call(daemon, 'GET', '/api/v1/plugins/kept/config')).json;
    await daemon.kill('SIGKILL');
    await daemon.start();
    assert.deepEqual((await call(daemon, 'GET', '/api/v1/plugins/kept/config')).json, before);
    assert.equal((await call(daemon, 'GET', '/api/v1/plugins/kept/config/backups')).json.backups.length, 1);
  });

  it('a hand edit is taken; a bad one is DEGRADED with file and line', async () => {
    await register('edited');
    await call(daemon, 'PUT', '/api/v1/plugins/edited/config', { port: 1 });
    const file = join(daemon.stateDir, 'plugins/edited/config.json');
    writeFileSync(file, '{\n  "port": 0\n}');
    const health = await until('DEGRADED', async () => {
      const text = JSON.stringify((await call(daemon, 'GET', '/api/v1/health')).json);
      return text.includes(`${file}:2`) ? text : undefined;
    });
    assert.match(health, /config\.port: must be >= 1/);
    writeFileSync(file, '{\n  "port": 5\n}');
    await until('the new one', async () => (await call(daemon, 'GET', '/api/v1/plugins/edited/config')).json.config.port === 5);
    assert.doesNotMatch(JSON.stringify((await call(daemon, 'GET', '/api/v1/health')).json), /config\.port/);
  });

  const python = '/usr/bin/python3';
  it('Python: watches, applies, fails, and is restored', { skip: !existsSync(python) && 'no Python here' }, async (t) => {
    const lines: { registered?: boolean; revision?: number; config?: Record<string, unknown> }[] = [];
    const script = join(import.meta.dirname, 'plugin_documents.py');
    const child: ChildProcess = spawn(python, [script, `127.0.0.1:${daemon.port}`, daemon.token(), 'snake'], {
      env: { ...process.env, PYTHONPATH: join(root, 'gen/python'), PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let problem = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (problem += text));
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
      const registered = await until('the registration', () => lines.length > 0 || child.exitCode !== null);
      if (registered && /No module named 'grpc'/.test(problem)) return t.skip('no grpcio here');
      const state = async (revision: number, word: string) =>
        until(`revision ${revision} ${word}: ${problem}`, async () => {
          const { json } = await call(daemon, 'GET', '/api/v1/plugins/snake/config');
          return json.revision === revision && json.apply_state === word ? json : undefined;
        });
      await call(daemon, 'PUT', '/api/v1/plugins/snake/config', { port: 1, password: 'hunter2hunter2', extra: { key: 'a' } });
      const first = await state(1, 'APPLIED');
      assert.deepEqual(first.config, { port: 1, password: '***', extra: { key: '***' } });
      await call(daemon, 'PUT', '/api/v1/plugins/snake/config', { ...first.config, port: 666 });
      const failed = await state(2, 'FAILED');
      assert.equal(failed.apply_message, 'port 666 is not to be had, tried with ***');
      const { backups } = (await call(daemon, 'GET', '/api/v1/plugins/snake/config/backups')).json;
      await call(daemon, 'POST', `/api/v1/plugins/snake/config/backups/${backups[0].id}:restore`, {});
      const restored = await state(3, 'APPLIED');
      await call(daemon, 'PUT', '/api/v1/plugins/snake/config', { ...restored.config, port: 9 });
      await state(4, 'APPLIED');
      await ended;
      const revisions = lines.flatMap(({ revision, config }) => (revision ? [[revision, config?.['port'], config?.['password']]] : []));
      assert.deepEqual(
        revisions,
        [1, 666, 1, 9].map((port, i) => [i + 1, port, 'hunter2hunter2']),
      );
      return undefined;
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
});
