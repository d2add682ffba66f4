import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/events/types.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { configRoom, plainUpdate } from '../../helpers/config-room.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const file = '# ours\nagent:\n  name: edge\nprocesses:\n  units:\n    edge: {command: [sleep, "300"]}\n';
const lines = (count: number, line: (n: number) => string): string => Array.from({ length: count }, (_, n) => line(n)).join('\n');

/** What a parser or a table may trip over; the key is empty where the text itself is unreadable. */
const texts: readonly (readonly [text: string, line: number, key: string])[] = [
  ['{'.repeat(1000), 1, ''],
  ['{'.repeat(500_000), 1, ''],
  ['['.repeat(100_000), 1, ''],
  ['? '.repeat(500), 1, ''],
  ['- '.repeat(100_000), 1, ''],
  [lines(300, (n) => `${' '.repeat(n)}a:`), 65, ''],
  ['a: [1, 2', 1, ''],
  ['api:\n\tport: 1', 2, ''],
  ['api: {port: 1', 1, ''],
  ['api:\n  port: 1\n port: 2', 3, ''],
  ['api: "never ended', 1, ''],
  ['agent: &a {name: *a}', 1, ''],
  ['agent: *nobody', 1, ''],
  ['agent:\n  name: a\n---\nagent:\n  name: b', 3, ''],
  ['%YAML 9.9\n---\nagent: {}', 1, ''],
  ['agent: !!binary x', 1, ''],
  ['- a\n- b', 1, ''],
  ['just words', 1, ''],
  ['agent:\n  name: \u0000', 2, ''],
  [lines(60_000, (n) => `k${n}: 1`), 1, ''],
  [`a: [${'1,'.repeat(200_000)}]`, 1, ''],
  ['agent:\n  name: a\n  name: b', 3, 'agent.name'],
  ['api:\n  streams: {ping_interval: 1s}\n  websocket: {ping_interval: 2s}', 3, 'api.streams'],
  ['api:\n  prot: 1', 2, 'api.prot'],
  ['apis: {}', 1, 'apis'],
  ['api:\n  port: "80"', 2, 'api.port'],
  ['api:\n  port: 80.5', 2, 'api.port'],
  ['api:\n  port: 70000', 2, 'api.port'],
  ['api:\n  port: -0x1', 2, 'api.port'],
  ['api:\n  port: .nan', 2, 'api.port'],
  ['api:\n  port: [1]', 2, 'api.port'],
  ['api: 5', 1, 'api'],
  ['api:\n  security:\n    auth_enabled: yes', 3, 'api.security.auth_enabled'],
  ['api:\n  security:\n    auth_token: short', 3, 'api.security.auth_token'],
  ['api:\n  host: 0.0.0.0', 2, 'api.host'],
  ['api:\n  limits: {message_bytes: 1 parsec}', 2, 'api.limits.message_bytes'],
  ['api:\n  streams: {ping_interval: 1 fortnight}', 2, 'api.streams.ping_interval'],
  ['api:\n  unix_socket: {mode: 999}', 2, 'api.unix_socket.mode'],
  ['api:\n  unix_socket: {path: /nowhere/to/be\u2028found}\n  tls: {cert_file: /nowhere}', 3, 'api.tls'],
  ['events:\n  durability: perhaps', 2, 'events.durability'],
  ['logs:\n  files: 1e3000', 2, 'logs.files'],
  ['processes:\n  units:\n    "../evil": {command: [a]}', 3, 'processes.units.../evil'],
  ['processes:\n  units:\n    a: {}', 3, 'processes.units.a'],
  ['processes:\n  units:\n    a: {command: [x], depends_on: [b]}', 3, 'processes.units.a.depends_on'],
  ['processes:\n  units:\n    __proto__: {command: [x], constructor: 1}', 3, 'processes.units.__proto__'],
];

test(`${texts.length} bad texts: each refused with file, line and key, and nobody waits for it`, async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  for (const [text, line, key] of texts) {
    delay.enable();
    await systemClock.sleep(10);
    delay.reset();
    const error = await room.config.update({ yaml: text }, plainUpdate).catch((refused: unknown) => refused);
    await systemClock.sleep(10);
    delay.disable();
    const what = JSON.stringify(text.slice(0, 60));
    assert.ok(error instanceof AgentError, what);
    assert.equal(error.reason, 'CONFIG_INVALID', `${what}: ${error.message}`);
    assert.equal(error.metadata['file'], 'document', what);
    assert.ok(error.metadata['key']?.startsWith(key), `${what}: ${error.message}`);
    if (text.length < 400_000) assert.equal(error.metadata['line'], String(line), `${what}: ${error.message}`);
    assert.ok(delay.max < 250e6, `${what}: ${delay.max / 1e6} ms`);
    assert.ok(error.message.length < 1000 && !/[\n\u2028]/.test(error.message), what);
  }
  assert.deepEqual([room.read(), room.config.get().revision, room.applied.length], [file, 1, 0]);
  assert.equal(room.events.length, texts.length);
  assert.equal(room.config.health().status, 'HEALTHY');
});

const deep = (depth: number): JsonObject => (depth === 0 ? {} : { a: deep(depth - 1) });

/** Whole documents, as JSON. */
const documents: readonly (readonly [document: JsonObject, key: string])[] = [
  [{ api: { prot: 1 } }, 'api.prot'],
  [{ api: 5 }, 'api'],
  [{ api: [] }, 'api'],
  [{ api: { port: { a: 1 } } }, 'api.port'],
  [{ api: { port: [1] } }, 'api.port'],
  [{ '': { '': 1 } }, ''],
  [{ apis: {} }, 'apis'],
  [{ api: { prot: null } }, 'api.prot'],
  [{ processes: { units: { edge: {} } } }, 'processes.units.edge'],
  [{ a: deep(100) }, ''],
  [{ agent: { name: 'a\nb: c' } }, 'agent.name'],
  [{ agent: { name: 'x'.repeat(600_000) } }, ''],
  [{ api: { allowed_hosts: Array.from({ length: 300_000 }, () => 'a') } }, ''],
  [Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, 1])), ''],
  [{ api: { allowed_hosts: Array.from({ length: 19_000 }, (_, n) => `h-${n}: x`) } }, ''],
  [JSON.parse('{"__proto__": {"polluted": 1}}'), '__proto__'],
  [{ logs: { files: 1e300 } }, 'logs.files'],
];

test(`${documents.length} bad documents as JSON`, async () => {
  await using room = await configRoom({ 'agent.yaml': file });
  for (const [document, key] of documents) {
    const spent = startCpuTime();
    const error = await room.config.update({ document }, plainUpdate).catch((refused: unknown) => refused);
    const ms = spent();
    const what = JSON.stringify(document).slice(0, 60);
    assert.ok(error instanceof AgentError && error.reason === 'CONFIG_INVALID', `${what}: ${error}`);
    assert.ok(error.metadata['key']?.startsWith(key), `${what}: ${error.message}`);
    assert.ok(ms < 500, `${what}: ${ms} ms`);
  }
  assert.deepEqual([room.read(), room.config.get().revision, room.applied.length], [file, 1, 0]);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});
