import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { activeSettings, diffSettings, type Key, keyTable, loadSettings } from '../../../src/settings/index.ts';
import { home } from './scratch.ts';

const pem = '-----BEGIN CERTIFICATE-----\n';
const cwd = home({ 'a.pem': pem, 'b.pem': pem });
/** Groups that are absent unless they are given. */
const base = {
  api: { tls: { cert_file: 'a.pem', key_file: 'a.pem', client_ca_file: 'a.pem' } },
  fleet: { servers: ['nats://127.0.0.1:4222'], tls: { ca_file: 'a.pem', cert_file: 'a.pem', key_file: 'a.pem' } },
};
const started = loaded(base);

function loaded(document: object) {
  const dir = home({ 'c.yaml': stringify(document), 'a.pem': pem, 'b.pem': pem });
  return loadSettings({ configPath: join(dir, 'c.yaml'), env: {}, cwd: dir }).settings;
}

function nested(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;
}

function merged(a: object, b: object): object {
  const out: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const there = out[key];
    out[key] = typeof there === 'object' && there !== null && !Array.isArray(there) ? merged(there, value as object) : value;
  }
  return out;
}

/** Another value than the one of the start. */
function another({ path, type, fallback }: Key): unknown {
  const special: Readonly<Record<string, unknown>> = {
    'api.host': '127.0.0.2',
    'api.metrics.prometheus_endpoint': '/figures',
    'agent.name': 'another',
    'telemetry.otlp_endpoint': 'http://127.0.0.1:4318',
    'api.unix_socket.group': '0',
    'sboxmgr.socket.group': '0',
    'events.redact.names': ['only'],
    'fleet.servers': ['nats://127.0.0.2:4222'],
    'fleet.credentials_file': 'b.pem',
    'fleet.name': 'another',
    'fleet.prefix': 'another',
    'fleet.labels': { region: 'eu' },
    'fleet.keys': [{ name: 'ops', public_key: 'A'.repeat(43) }],
  };
  if (Object.hasOwn(special, path)) return special[path];
  switch (type.kind) {
    case 'boolean':
      return fallback !== true;
    case 'path':
      return /\.tls\./.test(path) ? 'b.pem' : join(cwd, 'elsewhere');
    case 'integer':
      return fallback === type.min ? type.min + 1 : type.min;
    case 'number':
      return fallback === type.min ? type.max : type.min;
    case 'duration':
      return '7s';
    case 'mode':
      return '0640';
    case 'choice':
      return type.values.find((value) => value !== fallback);
    case 'paths':
      return ['/bin/true'];
    default:
      throw new Error(`no other value is known for ${path}: a key that is not live of kind ${type.kind}`);
  }
}

const notLive = keyTable.filter(({ live }) => live !== true);

test('the keys that need a restart are those that one would think of', () => {
  const paths = notLive.map(({ path }) => path);
  for (const path of ['api.security.auth_enabled', 'api.port', 'api.host', 'events.durability', 'processes.inline.enabled']) {
    assert.ok(paths.includes(path), path);
  }
});

for (const row of notLive) {
  test(`${row.path} is in effect after a restart alone`, () => {
    const next = loaded(merged(base, nested(row.path, another(row))));
    assert.ok(
      diffSettings(started, next).some(({ path, live }) => path === row.path && !live),
      'the change is one',
    );
    const active = activeSettings(started, next);
    for (const { path } of diffSettings(started, active)) assert.fail(`${path} follows ${row.path}`);
  });
}

test('what is live is the new one', () => {
  const next = loaded(merged(base, { agent: { log_level: 'debug' }, api: { limits: { json_depth: 4 }, port: 1 } }));
  const active = activeSettings(started, next);
  assert.deepEqual(
    diffSettings(started, active).map(({ path }) => path),
    ['agent.log_level', 'api.limits.json_depth'],
  );
});

test('a live key that is fit only beside one that needs a restart waits with it', () => {
  const next = loaded(merged(base, { api: { security: { auth_enabled: false, cors: { allowed_origins: ['*'] } } } }));
  const { security } = activeSettings(started, next).api;
  assert.deepEqual([security.authEnabled, security.cors.allowedOrigins], [true, []]);
});

test('TLS that is switched on or off waits for the restart', () => {
  const without = loaded({});
  assert.equal(activeSettings(without, started).api.tls, undefined);
  assert.deepEqual(activeSettings(started, without).api.tls, started.api.tls);
});
