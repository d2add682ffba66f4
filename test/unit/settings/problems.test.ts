import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Problem, RefusedError } from '../../../src/kernel/errors.ts';
import { configFiles, isLive, isSecret, type LoadOptions, loadSettings, maskText } from '../../../src/settings/index.ts';
import { home } from './scratch.ts';

function refusedBy(options: LoadOptions): RefusedError {
  try {
    loadSettings(options);
  } catch (error) {
    if (error instanceof RefusedError) return error;
    throw error;
  }
  throw new Error('accepted');
}

const brief = (problems: readonly Problem[]): readonly string[] =>
  problems.map(({ file, line, path, rule }) => `${file.split('/').at(-1)}:${line} ${path} ${rule}`);

test('all that is wrong is told at once, in the order of the files, the environment last', () => {
  const cwd = home({
    'agent.yaml':
      'agent:\n  log_level: loud\n  nmae: x\nprocesses:\n  units:\n    u: {engine: v2ray}\n    U: {}\n    v: {command: [a], depends_on: [w]}\n',
    'api.yaml': 'api:\n  host: 0.0.0.0\n  port: eighty\n  limits: 5\n',
  });
  const refused = refusedBy({ configPath: cwd, env: { SBOXAGENT_API_PRT: '1', SBOXAGENT_LOGS_FILES: 'x' }, cwd });
  assert.deepEqual(brief(refused.problems), [
    'agent.yaml:2 agent.log_level range',
    'agent.yaml:3 agent.nmae unknown_key',
    'agent.yaml:6 processes.units.u.engine range',
    'agent.yaml:7 processes.units.U type',
    'agent.yaml:8 processes.units.v.depends_on unfit',
    'api.yaml:2 api.host unfit',
    'api.yaml:3 api.port type',
    'api.yaml:4 api.limits type',
    'env SBOXAGENT_API_PRT:0  unknown_key',
    'env SBOXAGENT_LOGS_FILES:0 logs.files type',
  ]);
  assert.match(refused.message, /agent\.yaml:2: agent\.log_level: "loud" is not one of .* \(and 9 more\)$/);
  assert.match(refused.problems[1]?.message ?? '', /^unknown key; did you mean name\?$/);
});

test('a file that is no YAML hides only itself, and nothing is said of what it may hold', () => {
  const cwd = home({
    'agent.yaml': 'agent: [\n',
    'plugins.yaml': 'plugins: {enable: true}\nprocesses: {units: {u: {command: [a], depends_on: [v]}}}',
  });
  assert.deepEqual(brief(refusedBy({ configPath: cwd, env: {}, cwd }).problems), [
    'agent.yaml:2  syntax',
    'plugins.yaml:1 plugins.enable unknown_key',
  ]);
});

test('a key twice is a problem of syntax, and the rest is judged', () => {
  const cwd = home({ 'c.yaml': 'api: {port: 1}\napi: {port: 2}\nagent:\n  nam: x\n' });
  assert.deepEqual(brief(refusedBy({ configPath: join(cwd, 'c.yaml'), env: {}, cwd }).problems), [
    'c.yaml:2 api syntax',
    'c.yaml:4 agent.nam unknown_key',
  ]);
});

test('no more than 100 problems are told', () => {
  const cwd = home({ 'c.yaml': Array.from({ length: 500 }, (_, i) => `k${i}: 1`).join('\n') });
  const refused = refusedBy({ configPath: join(cwd, 'c.yaml'), env: {}, cwd });
  assert.equal(refused.problems.length, 100);
  assert.match(refused.message, /c\.yaml:1: k0: .*\(and 99 more\)$/);
});

test('a candidate stands in for what is on disk, there or not', () => {
  const cwd = home({ 'agent.yaml': 'agent: {name: disk}' });
  const file = join(cwd, 'agent.yaml');
  const name = (options: LoadOptions): string => loadSettings(options).settings.agent.name;
  assert.equal(name({ configPath: cwd, env: {}, cwd, texts: new Map([[file, 'agent: {name: candidate}']]) }), 'candidate');
  assert.equal(name({ configPath: cwd, env: {}, cwd }), 'disk');
  const added = { configPath: cwd, env: {}, cwd, texts: new Map([[join(cwd, 'api.yaml'), 'api:\n  prt: 1']]) };
  assert.deepEqual(configFiles(added), [file, join(cwd, 'api.yaml')]);
  assert.match(refusedBy(added).message, /api\.yaml:2: api\.prt: unknown key/);
  const nowhere = join(cwd, 'none/x.yaml');
  assert.equal(name({ configPath: nowhere, env: {}, cwd, texts: new Map([[nowhere, 'agent: {name: new}']]) }), 'new');
  const local = join(cwd, 'sboxagent.yaml');
  assert.deepEqual(configFiles({ env: {}, cwd, texts: new Map([[local, '']]) }), [local]);
  writeFileSync(file, 'agent: [');
  assert.equal(name({ configPath: cwd, env: {}, cwd, texts: new Map([[file, 'agent: {name: again}']]) }), 'again');
});

test('a refusal tells no secret that it refuses', () => {
  const cwd = home({
    'c.yaml':
      "telemetry: {otlp_endpoint: 'ftp://me:hidden@host'}\nprocesses: {units: {u: {command: [x], env: [A=hidden]}}}\napi: {security: {auth_token: [hidden]}}",
  });
  const refused = refusedBy({ configPath: join(cwd, 'c.yaml'), env: {}, cwd });
  assert.equal(refused.problems.length, 3);
  assert.ok(!JSON.stringify(refused.problems).includes('hidden'));
});

const live: readonly (readonly [string, boolean])[] = [
  ['agent.auto_reload', true],
  ['agent.name', false],
  ['api.port', false],
  ['api.limits', true],
  ['api.limits.connections', true],
  ['api.websocket.ping_interval', true],
  ['api.security', false],
  ['processes.units.edge.restart.policy', true],
  ['processes.units.dns.local', true],
  ['plugins.units.x.probes.readiness.period', true],
  ['plugins.enabled', false],
  ['plugins.limits.labels', true],
  ['alerts', true],
  ['alerts.rules', true],
  ['sboxmgr.socket.path', false],
  ['sboxmgr.schedule.cron', true],
  ['nowhere', false],
];
for (const [path, want] of live) test(`${path} is ${want ? '' : 'not '}live`, () => assert.equal(isLive(path), want));

test('secrets are known by their path, and a URL loses its userinfo', () => {
  assert.ok(isSecret('api.security.auth_token'));
  assert.ok(!isSecret('api.security.auth_token_file'));
  assert.ok(isSecret('processes.units.dns.local.env.API_TOKEN'));
  assert.ok(isSecret('plugins.units.a.env.DB_PASSWORD'));
  assert.ok(isSecret('plugins.units.a.probes.readiness.http.headers.Authorization'));
  assert.ok(!isSecret('processes.units.edge.env.GOMEMLIMIT'));
  assert.equal(maskText('api.security.auth_token', 'abc'), '***');
  assert.equal(maskText('telemetry.otlp_endpoint', 'http://me:pw@host:1/x'), 'http://***@host:1/x');
});
