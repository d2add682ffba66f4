import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { configurationPage } from '../../../src/settings/docs.ts';
import { diffSettings, environmentName, keyTable, loadSettings, printConfig, unitKeyTable } from '../../../src/settings/index.ts';
import { type Env, home, load } from './scratch.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const fixture = readFileSync(join(repository, 'test/fixtures/settings/every-kind.yaml'), 'utf8');
const token = 'abcdefghijklmnopqrstuvwxyz0123456789';

test('nothing at all gives every key its default', () => {
  const { settings, paths, document, sources } = loadSettings({ env: { HOME: '/home/x' }, cwd: home() });
  const root = process.getuid?.() === 0;
  assert.equal(settings.agent.name, hostname());
  if (paths.length === 0) {
    assert.equal(settings.agent.stateDir, root ? '/var/lib/sboxagent' : '/home/x/.local/state/sboxagent');
    assert.equal(settings.api.unixSocket.path, join(settings.agent.stateDir, 'api.sock'));
    assert.equal(settings.api.port, 8080);
    assert.equal(settings.api.security.rateLimit.burst, 100);
    assert.equal(settings.api.tls, undefined);
    assert.deepEqual(settings.processes.units, {});
    assert.equal(settings.events.retention.bytes, 256 * 1024 * 1024);
    assert.ok(Object.values(sources).every((source) => source === 'default'));
  }
  for (const { path, fallback } of keyTable) {
    if (fallback === undefined) continue;
    const value = path.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], document);
    assert.notEqual(value, undefined, path);
  }
});

test('every kind of value is read as it was meant', () => {
  const { settings, paths, sources } = load(fixture, { SBOXAGENT_AGENT_STATE_DIR: 'state' });
  const cwd = dirname(paths[0] ?? '');
  assert.equal(settings.agent.stateDir, join(cwd, 'state'));
  assert.deepEqual(settings.api.unixSocket, { path: join(cwd, 'state/api.sock'), mode: 0o600, group: '0' });
  assert.equal(settings.api.security.rateLimit.burst, 60);
  assert.equal(settings.api.streams.pingIntervalMs, 90_000);
  assert.equal(settings.api.streams.pongTimeoutMs, 1500);
  assert.equal(settings.api.limits.messageBytes, 65_536);
  assert.equal(settings.events.retention.ageMs, 604_800_000);
  assert.equal(settings.events.retention.bytes, 1_000_000);
  const { edge, 'dns.local': dns } = settings.processes.units;
  assert.deepEqual(dns?.command, ['sleep', '300']);
  assert.equal(dns?.onAgentExit, 'stop');
  assert.equal(edge?.onAgentExit, 'keep');
  assert.equal(edge?.configPath, join(cwd, 'edge.json'));
  assert.deepEqual(edge?.env, { GOMEMLIMIT: '200MiB', RATIO: '1.10', API_TOKEN: 'very-secret', HTTPS_PROXY: 'http://me:pw@proxy:1' });
  assert.deepEqual(edge?.restart, {
    policy: 'no',
    baseMs: 0,
    factor: 2,
    maxMs: 60_000,
    jitter: 0.1,
    burst: 5,
    windowMs: 60_000,
    stableAfterMs: 30_000,
  });
  assert.deepEqual(edge?.stop, { signal: 'SIGTERM', graceMs: 15_000 });
  assert.equal(sources['processes.units.edge.engine'], paths[0]);
  assert.equal(sources['agent.state_dir'], 'env SBOXAGENT_AGENT_STATE_DIR');
  assert.equal(sources['api.port'], paths[0]);
});

for (const word of ['no', "'no'", 'false', 'on-failure', 'always']) {
  test(`restart.policy: ${word}`, () => {
    const { settings } = load(`processes: {units: {u: {command: [x], restart: {policy: ${word}}}}}`);
    assert.equal(settings.processes.units['u']?.restart.policy, word === 'false' ? 'no' : word.replaceAll("'", ''));
  });
}

for (const word of ['0640', "'0640'", '0o640', "'640'"]) {
  test(`mode: ${word}`, () => assert.equal(load(`api: {unix_socket: {mode: ${word}}}`).settings.api.unixSocket.mode, 0o640));
}

test('an empty value is not said, whatever it stands for', () => {
  const { settings } = load(
    'agent:\napi:\n  port:\n  tls:\n  security: {auth_token: "***"}\nprocesses:\n  units:\n    u: {command: [x], restart: , args: , env: }\n',
  );
  assert.equal(settings.api.port, 8080);
  assert.equal(settings.api.security.authToken, undefined);
  assert.deepEqual(settings.processes.units['u']?.args, []);
});

test('aliases of YAML are followed', () => {
  const { settings } = load(
    'api: {limits: &l {header_timeout: &t 2s, body_timeout: *t}}\nprocesses: {units: {a: &u {command: [x]}, b: *u}}\n',
  );
  assert.equal(settings.api.limits.bodyTimeoutMs, 2000);
  assert.deepEqual(settings.processes.units['b']?.command, ['x']);
});

const environment: readonly (readonly [string, string, (s: ReturnType<typeof load>['settings']) => unknown, unknown])[] = [
  ['SBOXAGENT_API_PORT', '9090', (s) => s.api.port, 9090],
  ['SBOXAGENT_API_PORT', '', (s) => s.api.port, 1],
  ['SBOXAGENT_API_ENABLED', 'False', (s) => s.api.enabled, false],
  ['SBOXAGENT_API_ALLOWED_HOSTS', 'a.example, b.example', (s) => s.api.allowedHosts, ['a.example', 'b.example']],
  ['SBOXAGENT_API_STREAMS_PING_INTERVAL', '1m30s', (s) => s.api.streams.pingIntervalMs, 90_000],
  ['SBOXAGENT_API_WEBSOCKET_PING_INTERVAL', '5s', (s) => s.api.streams.pingIntervalMs, 5000],
  ['SBOXAGENT_API_LIMITS_MESSAGE_BYTES', '64KiB', (s) => s.api.limits.messageBytes, 65_536],
  ['SBOXAGENT_API_UNIX_SOCKET_MODE', '0600', (s) => s.api.unixSocket.mode, 0o600],
  ['SBOXAGENT_API_SECURITY_AUTH_TOKEN', token, (s) => s.api.security.authToken, token],
  ['SBOXAGENT_TELEMETRY_SAMPLE_RATIO', '.5', (s) => s.telemetry.sampleRatio, 0.5],
  ['SBOXAGENT_PLUGINS_HEALTH_CHECK_RETRIES', '7', (s) => s.plugins.healthCheck.retries, 7],
  ['SBOXAGENT_PROCESSES_UNITS_EDGE_1_AUTOSTART', 'true', (s) => s.processes.units['edge-1']?.autostart, true],
  ['SBOXAGENT_PROCESSES_UNITS_EDGE_1_RESTART_BASE', '3s', (s) => s.processes.units['edge-1']?.restart.baseMs, 3000],
  ['SBOXAGENT_PROCESSES_UNITS_EDGE_1_ENV', 'A=1,B=x=y', (s) => s.processes.units['edge-1']?.env, { A: '1', B: 'x=y' }],
  ['SBOXAGENT_CONFIG', '/elsewhere', (s) => s.api.port, 1],
  ['SBOXAGENT_TARGET', 'x', (s) => s.api.port, 1],
];
for (const [name, value, read, want] of environment) {
  test(`${name}=${value}`, () => {
    const { settings } = load('api: {port: 1}\nprocesses: {units: {edge-1: {command: [x]}}}', { [name]: value });
    assert.deepEqual(read(settings), want);
  });
}

test('every key has a name in the environment, and no two the same', () => {
  const names = keyTable.map(({ path }) => environmentName(path));
  assert.equal(new Set(names).size, names.length);
  assert.ok([...names, ...unitKeyTable.map(({ path }) => environmentName(path))].every((name) => /^SBOXAGENT_[A-Z0-9_]+$/.test(name)));
});

test('a token of the environment goes before the file of the document', () => {
  const { settings } = load('api: {security: {auth_token_file: none}}', { SBOXAGENT_API_SECURITY_AUTH_TOKEN: token });
  assert.deepEqual([settings.api.security.authToken, settings.api.security.authTokenFile], [token, undefined]);
});

test('files are looked for in order: flag, environment, working directory', () => {
  const one = home({ 'a.yaml': 'agent: {name: flag}' });
  const two = home({ 'b.yaml': 'agent: {name: environment}' });
  const cwd = home({ 'sboxagent.yaml': 'agent: {name: local}' });
  const name = (options: { configPath?: string; env: Env }): string => loadSettings({ cwd, ...options }).settings.agent.name;
  const env = { SBOXAGENT_CONFIG: join(two, 'b.yaml') };
  assert.equal(name({ configPath: join(one, 'a.yaml'), env }), 'flag');
  assert.equal(name({ env }), 'environment');
  assert.equal(name({ env: { SBOXAGENT_CONFIG: '' } }), 'local');
  assert.equal(name({ env: { SBOXAGENT_AGENT_NAME: 'override' } }), 'override');
});

test('--state-dir wins over all', () => {
  const cwd = home({ 'sboxagent.yaml': 'agent: {state_dir: a}' });
  const { settings, sources } = loadSettings({ stateDir: 'c', env: { SBOXAGENT_AGENT_STATE_DIR: 'b' }, cwd });
  assert.equal(settings.agent.stateDir, join(cwd, 'c'));
  assert.equal(settings.api.unixSocket.path, join(cwd, 'c/api.sock'));
  assert.equal(sources['agent.state_dir'], '--state-dir');
});

test("the seed's two files load as they are, but for the sample token", () => {
  const files = Object.fromEntries(
    ['api.yaml', 'plugins.yaml'].map((name) => [name, readFileSync(join(repository, 'examples/seed', name), 'utf8')]),
  );
  assert.throws(
    () => loadSettings({ configPath: home(files), env: {}, cwd: home() }),
    /api\.yaml:9: api\.security\.auth_token: this is a sample.*`sboxagent token create`$/,
  );
  const own = { ...files, 'api.yaml': (files['api.yaml'] ?? '').replace('your-secure-token', token) };
  const { settings, paths } = loadSettings({ configPath: home(own), env: {}, cwd: home() });
  assert.deepEqual(
    paths.map((path) => path.split('/').at(-1)),
    ['api.yaml', 'plugins.yaml'],
  );
  assert.equal(settings.api.security.authToken, token);
  assert.equal(settings.api.streams.pingIntervalMs, 30_000);
  assert.equal(settings.plugins.enabled, true);
  assert.deepEqual(settings.plugins.healthCheck, { enabled: true, intervalMs: 60_000, timeoutMs: 10_000, retries: 3 });
  assert.deepEqual(settings.plugins.eventCollection, { enabled: true, bufferSize: 1000, flushIntervalMs: 5000 });
  assert.deepEqual(settings.plugins.configuration, {
    autoReload: true,
    validation: true,
    backupEnabled: true,
    backupRetentionMs: 604_800_000,
  });
});

test('what is printed loads again to the same, elsewhere too, and tells no secret', () => {
  const secretive = `${fixture}`.replace('    rate_limit:', `    auth_token: ${token}\n    rate_limit:`);
  const first = load(secretive);
  const printed = printConfig(first);
  for (const secret of [token, 'very-secret', 'me:pw']) assert.ok(!printed.includes(secret), secret);
  assert.match(printed, /auth_token: "?\*\*\*"?/);
  const second = load(printConfig(load(fixture)));
  assert.deepEqual(second.settings.api, load(printConfig(second)).settings.api);
  const { edge } = second.settings.processes.units;
  assert.equal(
    edge?.configPath,
    first.settings.processes.units['edge']?.configPath?.replace(dirname(first.paths[0] ?? ''), dirname(edge?.configPath ?? '')),
  );
  assert.equal(printConfig(load(printConfig(second))), printConfig(second));
  assert.match(printed, /policy: "no"/);
  assert.deepEqual(parse(printed), first.document);
});

test('the etag follows what is in force, secrets included', () => {
  const text = (secret: string): string => `agent: {state_dir: /s}\napi: {security: {auth_token: ${secret}}}`;
  assert.equal(load(text(token)).etag, load(`# a comment\n${text(token)}`).etag);
  assert.notEqual(load(text(token)).etag, load(text(`${token}x`)).etag);
});

test('changes are named by key, with whether they take effect at once', () => {
  const base = load('agent: {state_dir: /s, name: a}').settings;
  const next = load(
    'agent: {state_dir: /s, name: a, log_level: debug}\napi: {port: 1, streams: {ping_interval: 5s}, tls: }\nplugins: {health_check: {interval: 5s}}\nprocesses: {units: {u: {command: [x]}}}',
  ).settings;
  assert.deepEqual(diffSettings(base, next), [
    { path: 'agent.log_level', live: true },
    { path: 'api.port', live: false },
    { path: 'api.streams.ping_interval', live: true },
    { path: 'processes.units', live: true },
    { path: 'plugins.health_check.interval', live: true },
  ]);
  assert.deepEqual(diffSettings(base, base), []);
});

test('docs/configuration.md is made from the tables', () => {
  assert.equal(readFileSync(join(repository, 'docs/configuration.md'), 'utf8'), configurationPage());
});

test('merge keys: what they bring, what own keys keep, of a list the first', () => {
  const { settings } = load(
    [
      'processes:',
      '  units:',
      '    a: &base',
      '      command: [sleep, "1"]',
      '      autostart: true',
      '      env: &env {A: one, B: two}',
      '    b:',
      '      autostart: false',
      '      <<: *base',
      '    c:',
      '      <<: [{command: [sleep, "3"]}, *base]',
      '      env: {<<: *env, B: three}',
      '',
    ].join('\n'),
  );
  const { a, b, c } = settings.processes.units;
  assert.deepEqual([a?.autostart, b?.autostart, c?.autostart], [true, false, true]);
  assert.deepEqual(
    [b?.command, c?.command],
    [
      ['sleep', '1'],
      ['sleep', '3'],
    ],
  );
  assert.deepEqual(
    [b?.env, c?.env],
    [
      { A: 'one', B: 'two' },
      { A: 'one', B: 'three' },
    ],
  );
});

test('a byte order mark is no part of the first key', () => {
  assert.equal(load('\uFEFFagent: {name: edge}\n').settings.agent.name, 'edge');
});
