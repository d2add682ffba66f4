import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scopeOfKey } from '../../../src/settings/index.ts';
import { type Key, keyTable, pluginUnitKeyTable, ruleKeyTable, unitKeyTable, webhookKeyTable } from '../../../src/settings/keys.ts';

const below = (base: string, rows: readonly Key[]): readonly (readonly [string, Key])[] => rows.map((row) => [`${base}.${row.path}`, row]);
const all = [
  ...keyTable.map((row) => [row.path, row] as const),
  ...below('processes.units.edge', unitKeyTable),
  ...below('plugins.units.geo', pluginUnitKeyTable),
  ...below('alerts.rules', ruleKeyTable),
  ...below('alerts.webhooks', webhookKeyTable),
];

/** What runs programs, opens doors, chooses files and targets, or shows what is secret. */
const grantsPower = [
  /^api\.(host|security|tls|unix_socket|allowed_hosts)\b/,
  /^api\.metrics\.public$/,
  /^agent\.state_dir$/,
  /^processes\.inline\b/,
  /\.units\.[^.]+\.(engine|command|binary|args|config_path|cwd|env|pass_env|user|group|no_new_privs|capabilities|limits|umask)\b/,
  /\.units\.[^.]+\.apply\.(allowed_dirs|policy|on_file_change)\b/,
  /\b(probes|apply\.probe)\..*\b(command|url|via|pattern|method|headers|address|service)$/,
  /^alerts\.webhooks\b/,
  /^events\.redact\b/,
  /^telemetry\.otlp_endpoint$/,
  /^sboxmgr\.(socket\b|schedule\.command$)/,
];

test("every key has a scope, and what grants power is the admin's", () => {
  for (const [path, { scope }] of all) {
    assert.ok(scope === 'admin' || scope === 'config:write', path);
    const powerful = grantsPower.some((pattern) => pattern.test(path));
    if (powerful) assert.equal(scope, 'admin', path);
  }
  for (const pattern of grantsPower) {
    if (/units/.test(pattern.source)) continue;
    assert.ok(
      all.some(([path]) => pattern.test(path)),
      `${pattern} is about some key`,
    );
  }
});

/** Kinds of values that name files, hold secrets, open sockets, bound programs or are whole units: whatever the key is called. */
const powerfulKinds = new Set(['path', 'paths', 'secret', 'mode', 'units', 'rlimit']);

test('a key that takes a file, a secret or a whole unit needs admin, also one that comes later', () => {
  const seen = new Set<string>();
  for (const [path, { scope, type }] of all) {
    if (!powerfulKinds.has(type.kind)) continue;
    seen.add(type.kind);
    assert.equal(scope, 'admin', path);
  }
  assert.deepEqual(
    [...powerfulKinds].filter((kind) => !seen.has(kind)),
    [],
  );
});

test('what people tune is not', () => {
  const tuned = [
    'agent.log_level',
    'api.port',
    'api.limits.json_depth',
    'events.retention.age',
    'logs.files',
    'plugins.health_check.interval',
  ];
  for (const path of [...tuned, 'alerts.rules', 'sboxmgr.schedule.interval'])
    assert.equal(scopeOfKey(path.split('.')), 'config:write', path);
});

test("a leaf is judged by its row, whatever its id, and what no row knows is the admin's", () => {
  const table: readonly (readonly [readonly string[], string])[] = [
    [['processes', 'units', 'a.b', 'command'], 'admin'],
    [['processes', 'units', 'restart.policy', 'command'], 'admin'],
    [['processes', 'units', 'autostart', 'env', 'autostart'], 'admin'],
    [['processes', 'units', 'a', 'restart', 'policy'], 'config:write'],
    [['processes', 'units', 'a', '<<', 'autostart'], 'admin'],
    [['processes', 'units', 'a'], 'admin'],
    [['processes', 'units'], 'admin'],
    [['plugins', 'units', 'a', 'recovery', 'steps'], 'config:write'],
    [['plugins', 'units', 'a', 'probes', 'readiness', 'exec', 'command'], 'admin'],
    [['<<', 'agent', 'log_level'], 'admin'],
    [['api', 'security', 'auth_token'], 'admin'],
    [['no', 'such'], 'admin'],
  ];
  for (const [path, scope] of table) assert.equal(scopeOfKey(path), scope, path.join('.'));
});
