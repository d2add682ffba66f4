import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Problem, RefusedError } from '../../../src/kernel/errors.ts';
import { loadSettings } from '../../../src/settings/index.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const file = '/nowhere/candidate.yaml';
/** What the daemon may not be held up for; a document takes a fraction of it. */
const LONGEST_MS = 250;

function problemsOf(text: string): readonly Problem[] {
  try {
    loadSettings({ configPath: file, env: {}, cwd: '/nowhere', texts: new Map([[file, text]]) });
  } catch (error) {
    if (error instanceof RefusedError) return error.problems;
    throw error;
  }
  return [];
}

const times = (count: number, text: (i: number) => string, between = ''): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(between);
const nested = (count: number, open: string, close: string): string => `${open.repeat(count)}1${close.repeat(count)}`;
const units = (text: string): string => `processes:\n  units:\n    u:\n      ${text}\n`;

/** What it takes of the processor: the least of a few times, since the first ones also compile. */
function shortestOf(text: string): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && shortest > LONGEST_MS / 2; i++) {
    const spent = startCpuTime();
    problemsOf(text);
    shortest = Math.min(shortest, spent());
  }
  return shortest;
}

/** Document -> line, key and rule of its first problem. */
const documents: readonly (readonly [string, string, number, string, Problem['rule']])[] = [
  // A policy that could not be kept
  ['jitter above 1', units('command: [x]\n      restart: {jitter: 1.5}'), 5, 'processes.units.u.restart.jitter', 'range'],
  [
    'max below base',
    units('command: [x]\n      restart:\n        base: 10s\n        max: 5s'),
    7,
    'processes.units.u.restart.max',
    'range',
  ],
  ['base above the max of the default', units('command: [x]\n      restart: {base: 2m}'), 5, 'processes.units.u.restart.max', 'range'],
  // What the parser takes minutes for, or for ever
  ['1000 braces', '{'.repeat(1000), 1, '', 'syntax'],
  ['1000 braces below a key', `agent: {}\napi: ${'{'.repeat(1000)}`, 2, '', 'syntax'],
  ['500 explicit keys', '? '.repeat(500), 1, '', 'syntax'],
  ['explicit keys within depth, again and again', times(60, () => `${'? '.repeat(60)}a`, '\n'), 1, '', 'syntax'],
  ['braces and explicit keys in turn', `api: ${'{? '.repeat(200)}`, 1, '', 'syntax'],
  ['brackets that close', `api: ${nested(1000, '[', ']')}`, 1, '', 'syntax'],
  ['deep blocks', times(500, (i) => `${' '.repeat(i)}k:`, '\n'), 65, '', 'syntax'],
  ['a hundred thousand dashes', '- '.repeat(100_000), 1, '', 'syntax'],
  ['a mapping of itself', 'agent: {}\napi: &a {tls: *a}', 2, 'api.tls.tls', 'syntax'],
  ['a list of itself', 'api: {allowed_hosts: &a [x, *a]}', 1, 'api.allowed_hosts[1][1]', 'syntax'],
  ['two of each other', 'x: &a {y: &b {z: *a}}\nv: *b', 1, 'x.y.z.y.z', 'syntax'],
  [
    'a billion laughs',
    `a: &a [x, x]\n${times(9, (i) => `b${i}: &b${i} [${times(9, () => (i === 0 ? '*a' : `*b${i - 1}`), ', ')}]`, '\n')}`,
    3,
    'b2[0][0]',
    'syntax',
  ],
  ['an alias of much, often', `a: &a [${'x,'.repeat(5000)}]\nb: [${'*a,'.repeat(90)}]`, 1, 'b[1][4996]', 'syntax'],
  ['an alias of nothing', 'api:\n  host: *none', 2, 'api.host', 'syntax'],
  ['thousands of tags', `api: ${'!a '.repeat(5000)}x`, 1, '', 'syntax'],
  ['thousands of anchors', times(5000, (i) => `- &a${i} x`, '\n'), 1001, '', 'syntax'],
  ['thousands of commas', `api: [${','.repeat(18_000)}]`, 1, '', 'syntax'],
  ['thousands of keys', times(2800, (i) => `k${i}: 1`, '\n'), 1, 'k0', 'unknown_key'],
  ['tens of thousands of keys', times(50_000, (i) => `k${i}: 1`, '\n'), 2858, '', 'syntax'],
  ['a megabyte', `# ${'x'.repeat(1024 * 1024)}`, 0, '', 'syntax'],
  ['one long key', `${'k'.repeat(500_000)}: 1`, 1, '', 'syntax'],
  ['one long value', `api:\n  port: "${'x'.repeat(500_000)}"`, 2, 'api.port', 'type'],
  ['one folded text', `agent:\n  name: >\n${'    x\n'.repeat(80_000)}`, 2, 'agent.name', 'type'],
  [
    'dependencies of many on none',
    `processes:\n  units:\n${times(300, (i) => `    u${i}: {command: [x], depends_on: [${'y'.repeat(60)}${i}]}\n`)}`,
    3,
    'processes.units.u0.depends_on',
    'unfit',
  ],
  // What is no YAML, or not ours
  ['a tab', 'api:\n\tport: 1\n', 2, '', 'syntax'],
  ['NUL', 'agent: {}\napi: \0', 2, '', 'syntax'],
  ['an escape', 'agent: {name: "\u001b[31m"}', 1, '', 'syntax'],
  ['an open bracket', 'api:\n  allowed_hosts: [a,\n', 3, '', 'syntax'],
  ['an open quote', 'agent:\n  name: "x\n', 3, '', 'syntax'],
  ['a colon too many', 'api:\n  port: 1: 2\n', 2, '', 'syntax'],
  ['two documents', 'api: {}\n---\napi: {}\n', 2, '', 'syntax'],
  ['a list', '- api\n', 1, '', 'syntax'],
  ['a word', 'api\n', 1, '', 'syntax'],
  ['a key twice', 'api:\n  port: 1\n  host: localhost\n  port: 2\n', 4, 'api.port', 'syntax'],
  ['a unit twice', 'processes:\n  units:\n    a: {command: [x]}\n    a: {command: [y]}\n', 4, 'processes.units.a', 'syntax'],
  ['a key that is a mapping', 'api:\n  {a: b}: c\n', 2, 'api', 'syntax'],
  ['a merge of what is no mapping', 'logs:\n  <<: 5\n', 2, 'logs.<<', 'syntax'],
  ['what a merge brings', 'api: &a {prot: 1}\nlogs:\n  <<: *a\n', 1, 'api.prot', 'unknown_key'],
  ['a name of JavaScript', 'api:\n  __proto__: {port: 1}\n', 2, 'api.__proto__', 'unknown_key'],
  // What is YAML, and not fit
  ['a misspelt key', 'api:\n  websocket:\n    ping_intervall: 5s\n', 3, 'api.streams.ping_intervall', 'unknown_key'],
  ['a text for a number', 'api:\n  port: eighty\n', 2, 'api.port', 'type'],
  ['a number beyond', 'api:\n\n  port: 65536\n', 3, 'api.port', 'range'],
  ['a negative number', 'api:\n  limits:\n    connections: -1\n', 3, 'api.limits.connections', 'range'],
  ['not a number', 'telemetry:\n  sample_ratio: .nan\n', 2, 'telemetry.sample_ratio', 'type'],
  ['infinity', 'telemetry:\n  sample_ratio: .inf\n', 2, 'telemetry.sample_ratio', 'type'],
  ['a duration without a unit', 'plugins:\n  health_check:\n    interval: 60\n', 3, 'plugins.health_check.interval', 'type'],
  ['a list for a mapping', 'api: []\n', 1, 'api', 'type'],
  ['a mapping for a list', 'api:\n  allowed_hosts: {a: b}\n', 2, 'api.allowed_hosts', 'type'],
  ['a bad id', 'processes:\n  units:\n    ../../etc: {command: [x]}\n', 3, 'processes.units.../../etc', 'type'],
  ['engine and command', units('{engine: sing-box, command: [x]}'), 3, 'processes.units.u', 'unfit'],
  ['a variable with NUL', units('env: {A: "\\0"}'), 4, 'processes.units.u.env', 'type'],
  ['a short token', 'api:\n  security:\n    auth_token: short\n', 3, 'api.security.auth_token', 'unfit'],
  ['an open door', 'api:\n  host: 0.0.0.0\n', 2, 'api.host', 'unfit'],
  ['a rule of nothing', 'alerts:\n  rules:\n    - name: a\n      event: {}\n    - name: b\n', 5, 'alerts.rules[1]', 'unfit'],
  [
    'a probe of two kinds',
    'plugins:\n  units:\n    p:\n      command: [x]\n      probes:\n        readiness:\n          tcp: {address: "a:1"}\n          exec: {command: [x]}\n',
    8,
    'plugins.units.p.probes.readiness',
    'unfit',
  ],
];

test('every bad document is refused by file, line, key and rule, and holds nobody up', () => {
  assert.ok(documents.length >= 40);
  const slow: string[] = [];
  for (const [name, text, line, path, rule] of documents) {
    const [first] = problemsOf(text);
    assert.deepEqual(
      { name, line: first?.line, path: first?.path, rule: first?.rule, file: first?.file },
      { name, line, path, rule, file },
    );
    assert.ok((first?.message ?? '').length > 0 && (first?.message ?? '').length < 400, name);
    const ms = shortestOf(text);
    if (ms > LONGEST_MS) slow.push(`${name}: ${Math.round(ms)} ms`);
  }
  assert.deepEqual(slow, []);
});
