/** What `config:write` may not change, every way that it could try; and that what needs a restart waits for it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ConfigService } from '../../gen/es/sboxagent/v1/config_service_pb.js';
import { type Caller, caller, callerWith, type Said } from '../helpers/callers.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const secret = 'a-static-token-of-more-than-32-letters';

describe('what grants power', () => {
  let daemon: Daemon;
  let admin: Caller;
  let configurer: Caller;
  before(async () => {
    daemon = await makeDaemon();
    const text = `agent: {name: edge, log_level: info}
api:
  port: ${daemon.port}
  security:
    auth_token: ${secret}
    rate_limit: {enabled: false}
sboxmgr: {socket: {path: ${daemon.dir}/s.sock}}
processes:
  units:
    one:
      command: [sleep, "301"]
      env: {API_TOKEN: of-the-unit}
      restart: {policy: always}
`;
    writeFileSync(daemon.configPath, text, { mode: 0o600 });
    await daemon.start();
    admin = callerWith(daemon, secret);
    configurer = caller(daemon, ['config:write', 'read']);
  });
  after(() => daemon.dispose());

  const file = (): string => readFileSync(daemon.configPath, 'utf8');
  // biome-ignore lint/suspicious/noExplicitAny: a configuration as REST shows it
  const document = async (): Promise<any> => (await configurer.rest('GET', '/api/v1/config')).json.document;
  /** Refused for this key, and nothing is touched. */
  async function isRefused(what: string, attempt: () => Promise<Said>, key?: RegExp): Promise<void> {
    const before = file();
    const { status, reason, json } = await attempt();
    assert.deepEqual([status, reason], [403, 'SCOPE_MISSING'], `${what}: ${JSON.stringify(json)}`);
    if (key !== undefined) assert.match(json.message, key, what);
    const keys: readonly string[] = json.details?.[0].metadata.keys.split(',') ?? [];
    assert.equal(new Set(keys).size, keys.length, `${what}: each key is named once: ${keys}`);
    assert.equal(file(), before, what);
  }
  const put = (query: string, body: unknown, type = 'application/json'): Promise<Said> =>
    configurer.rest('PUT', `/api/v1/config${query}`, body, { 'content-type': type });

  const powers: readonly (readonly [string, object])[] = [
    ['api.security.auth_enabled', { api: { security: { auth_enabled: false } } }],
    ['api.security.auth_token', { api: { security: { auth_token: 'b'.repeat(40) } } }],
    ['api.security.cors.allowed_origins', { api: { security: { cors: { allowed_origins: ['http://evil.example'] } } } }],
    ['api.host', { api: { host: '127.0.0.2' } }],
    ['api.allowed_hosts', { api: { allowed_hosts: ['evil.example'] } }],
    ['api.unix_socket.mode', { api: { unix_socket: { mode: '0666' } } }],
    ['api.metrics.public', { api: { metrics: { public: true } } }],
    ['processes.inline.enabled', { processes: { inline: { enabled: true } } }],
    ['processes.units.one.command', { processes: { units: { one: { command: ['sh', '-c', 'id'] } } } }],
    ['processes.units.one.env', { processes: { units: { one: { env: { LD_PRELOAD: '/tmp/x.so' } } } } }],
    ['processes.units.one.cwd', { processes: { units: { one: { cwd: '/tmp' } } } }],
    ['sboxmgr.schedule.command', { sboxmgr: { schedule: { command: ['id'] } } }],
    ['sboxmgr.socket.mode', { sboxmgr: { socket: { mode: '0666' } } }],
    ['alerts.webhooks', { alerts: { webhooks: [{ name: 'x', url: 'http://127.0.0.1:1/' }] } }],
    ['events.redact.enabled', { events: { redact: { enabled: false } } }],
    ['telemetry.otlp_endpoint', { telemetry: { otlp_endpoint: 'http://127.0.0.1:1' } }],
    ['plugins.units.p.command', { plugins: { units: { p: { command: ['id'] } } } }],
  ];

  for (const [key, change] of powers) {
    it(`${key}: by mask, asked alone, and by gRPC`, async () => {
      const named = new RegExp(`^${key.replaceAll('.', '\\.')}`);
      const mask = key.startsWith('plugins.units') ? 'plugins.units' : key;
      await isRefused('mask', () => put(`?update_mask=${mask}`, change), named);
      await isRefused('validate_only', () => put(`?update_mask=${mask}&validate_only=true`, change), named);
      const request = { document: change, updateMask: mask.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) };
      await isRefused('gRPC', () => configurer.grpc(ConfigService, 'UpdateConfig', request as never), named);
    });
  }

  it('a whole document: more, less, other spellings', async () => {
    const whole = await document();
    const changed = (edit: (copy: typeof whole) => void): unknown => {
      const copy = structuredClone(whole);
      edit(copy);
      return copy;
    };
    await isRefused(
      'a unit more',
      () =>
        put(
          '',
          changed((d) => (d.processes.units.two = { command: ['id'] })),
        ),
      /^processes\.units\.two\.command/,
    );
    await isRefused(
      'a unit less',
      () =>
        put(
          '',
          changed((d) => delete d.processes.units.one),
        ),
      /^processes\.units\.one\.command/,
    );
    await isRefused('a unit of another name', () =>
      put(
        '',
        changed((d) => {
          d.processes.units['restart.policy'] = d.processes.units.one;
          delete d.processes.units.one;
        }),
      ),
    );
    await isRefused('only what is to be set', () => put('', { agent: { log_level: 'debug' } }), /api\.|sboxmgr\.|processes\./);
    await isRefused('a group by mask', () => put('?update_mask=api', { api: { port: daemon.port } }), /api\.security/);
    await isRefused('everything by mask', () => put('?update_mask=api,processes,agent', {}), /api\.security|processes/);
    await isRefused('dotted keys', () => put('?update_mask=api', { 'api.security': { auth_enabled: false }, api: { port: daemon.port } }));
    await isRefused('a dotted key', () => put('?update_mask=api.security', { api: { 'security.auth_enabled': false } }));
    await isRefused(
      'nothing where a secret was',
      () =>
        put(
          '',
          changed((d) => (d.api.security.auth_token = null)),
        ),
      /auth_token/,
    );
  });

  it('YAML: as text, by anchors, by merge keys', async () => {
    const yaml = (text: string): Promise<Said> => put('', text, 'application/yaml');
    const good = file();
    await isRefused('text', () => yaml(good.replace('"301"', '"302"')), /^processes\.units\.one\.command/);
    await isRefused('a secret under its name', () => yaml(good.replace('of-the-unit', 'of-somebody')), /env\.API_TOKEN/);
    await isRefused('an anchor', () =>
      yaml(`${good.replace('log_level: info', 'log_level: &a debug')}`.replace('command: [sleep, "301"]', 'command: [sleep, *a]')),
    );
    const merge = good.replace('restart: {policy: always}', 'restart: {policy: always}\n      <<: {cwd: /tmp}');
    const { status } = await yaml(merge);
    assert.ok(status === 403 || status === 400, String(status));
    assert.equal(file(), good);
  });

  it('a secret does not follow an anchor to a place where it can be read', async () => {
    const shown = (await configurer.rest('GET', '/api/v1/config', undefined, { accept: 'application/yaml' })).text;
    assert.match(shown, /auth_token: "?\*\*\*"?/);
    const tries: readonly (readonly [RegExp, string, string])[] = [
      [/auth_token: "?\*\*\*"?/, "auth_token: &t '***'", 'name: *t'],
      [/API_TOKEN: "?\*\*\*"?/, "API_TOKEN: &t '***'", 'name: *t'],
    ];
    for (const [from, to, name] of tries) {
      const text = shown.replace(from, to);
      assert.notEqual(text, shown);
      // An alias stands after its anchor.
      const agentLast = `${text.replace(/^agent:.*\n/m, '')}agent: {log_level: info, ${name}}\n`;
      await isRefused(String(from), () => put('', agentLast, 'application/yaml'), /agent\.name/);
    }
    assert.doesNotMatch(JSON.stringify(await document()), new RegExp(`${secret}|of-the-unit`));
  });

  it('a secret in a comment does not become a value that can be read', async () => {
    const before = file();
    writeFileSync(daemon.configPath, `${before}      # password: hunter2-in-a-comment\n`, { mode: 0o600 });
    const shown = await until('the hand edit', async () => {
      const { text } = await configurer.rest('GET', '/api/v1/config', undefined, { accept: 'application/yaml' });
      return /\n {6}# password: \*\*\*/.test(text) && text;
    });
    const rule = 'alerts:\n rules:\n - name: leak\n   event: {}\n   summary: |\n      # password: ***\n';
    await put('', `${shown}${rule}`, 'application/yaml');
    assert.doesNotMatch(JSON.stringify(await document()), /hunter2/);
    assert.match(file(), /\n {6}# password: hunter2-in-a-comment\n/);
    writeFileSync(daemon.configPath, before, { mode: 0o600 });
    await until('the file of before', async () => (await document()).alerts.rules.length === 0);
  });

  it('what it may change it can, with the secrets of the document left where they are', async () => {
    const whole = await document();
    assert.equal(whole.api.security.auth_token, '***');
    whole.agent.log_level = 'debug';
    whole.processes.units.one.restart.policy = 'no';
    const { status, json } = await put('', whole);
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(
      json.changes.map((change: { path: string }) => change.path),
      ['agent.log_level', 'processes.units.one.restart.policy'],
    );
    assert.match(file(), new RegExp(`auth_token: ${secret}`));
    assert.match(file(), /API_TOKEN: of-the-unit/);
    const own = await admin.rest('GET', '/api/v1/status');
    assert.deepEqual([own.status, own.json.caller.id, own.json.caller.scopes], [200, 'admin', ['admin']]);
    const yaml = await configurer.rest('PUT', '/api/v1/config', file().replace('log_level: debug', 'log_level: warn'), {
      'content-type': 'application/yaml',
    });
    assert.equal(yaml.status, 200, JSON.stringify(yaml.json));
  });

  it('a rollback is judged like any change', async () => {
    const revisionOf = (said: Said): number => said.json.revision;
    const first = revisionOf(await put('?update_mask=agent.log_level', { agent: { log_level: 'error' } }));
    const second = revisionOf(
      await admin.rest('PUT', '/api/v1/config?update_mask=processes.units.one.args,processes.units.one.command', {
        processes: { units: { one: { command: ['sleep', '303'] } } },
      }),
    );
    const third = revisionOf(await put('?update_mask=agent.log_level', { agent: { log_level: 'info' } }));
    assert.deepEqual([second, third], [first + 1, first + 2]);
    const back = (revision: number) => () => configurer.rest('POST', '/api/v1/config:rollback', { revision });
    await isRefused('rollback', back(first), /^processes\.units\.one\.command/);
    await isRefused(
      'rollback by gRPC',
      () => configurer.grpc(ConfigService, 'RollbackConfig', { revision: first }),
      /^processes\.units\.one\.command/,
    );
    assert.equal((await back(second)()).status, 200);
    assert.equal((await admin.rest('POST', '/api/v1/config:rollback', { revision: first })).status, 200);
  });

  it('a file that an admin key names is nothing that it may ask about', async () => {
    for (const path of ['/etc/shadow', '/does/not/exist', daemon.configPath]) {
      const change = { api: { security: { auth_token_file: path, auth_token: null } } };
      await isRefused(
        path,
        () => put('?update_mask=api.security.auth_token_file,api.security.auth_token&validate_only=true', change),
        /auth_token/,
      );
      const asked = await configurer.rest('POST', '/api/v1/config:validate', { api: { security: { auth_token_file: path } } });
      assert.deepEqual([asked.status, asked.json.valid], [200, false]);
      assert.match(asked.json.violations[0].message, /told to the scope admin alone/);
      assert.doesNotMatch(JSON.stringify(asked.json.violations), /chmod|ENOENT|characters|mode/);
    }
  });
});

describe('what needs a restart', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await makeDaemon();
    await daemon.start();
  });
  after(() => daemon.dispose());

  it('is answered so, and waits for it', async () => {
    const admin = callerWith(daemon, daemon.token());
    const nobody = callerWith(daemon, '');
    const change = {
      api: { security: { auth_enabled: false }, streams: { enabled: false }, metrics: { public: true, prometheus_endpoint: '/figures' } },
      processes: { inline: { enabled: true, allowed_binaries: ['/bin/sleep'] } },
      plugins: { enabled: false },
      events: { redact: { enabled: false } },
    };
    const mask =
      'api.security.auth_enabled,api.streams.enabled,api.metrics.public,api.metrics.prometheus_endpoint,processes.inline,plugins.enabled,events.redact.enabled';
    const told = await admin.rest('PUT', `/api/v1/config?update_mask=${mask}`, change);
    assert.equal(told.status, 200, JSON.stringify(told.json));
    assert.deepEqual([...new Set(told.json.changes.map(({ effect }: { effect: string }) => effect))], ['RESTART_REQUIRED']);
    assert.equal((await nobody.rest('GET', '/api/v1/status')).status, 401);
    assert.equal((await fetch(`${daemon.base}/metrics`)).status, 401);
    assert.equal((await fetch(`${daemon.base}/figures`)).status, 404);
    assert.equal((await admin.rest('POST', '/api/v1/processes', { id: 'x', command: ['/bin/sleep', '1'] })).reason, 'INLINE_DISABLED');
    assert.equal((await admin.connect('PluginSessionService/RegisterPlugin', { plugin: { id: 'p' } })).status, 200);
    const stored = await admin.rest('POST', '/api/v1/events', { type: 'a.b', data: { password: 'x' } });
    assert.equal(stored.json.data.password, '***');
    const watch = await fetch(`${daemon.base}/api/v1/events:watch`, { headers: { authorization: `Bearer ${admin.token}` } });
    assert.equal(watch.status, 200);
    await watch.body?.cancel();

    await daemon.kill('SIGTERM');
    await daemon.start();
    assert.equal((await nobody.rest('GET', '/api/v1/status')).status, 200);
    assert.equal((await fetch(`${daemon.base}/figures`)).status, 200);
    assert.equal((await nobody.connect('PluginSessionService/RegisterPlugin', { plugin: { id: 'p' } })).reason, 'PLUGINS_OFF');
    assert.equal((await nobody.rest('GET', '/api/v1/events:watch')).reason, 'STREAMS_DISABLED');
    await until(
      'the inline process',
      async () => (await nobody.rest('POST', '/api/v1/processes', { id: 'x', command: ['/bin/sleep', '1'] })).status === 201,
    );
  });
});
