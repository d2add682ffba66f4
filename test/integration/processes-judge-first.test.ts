import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AgentError } from '../../src/kernel/errors.ts';
import { findBinary } from '../../src/processes/binary.ts';
import type { EngineName, UnitSettings } from '../../src/settings/types.ts';
import { type Bench, bench, type Rig, sh, start, unit, until } from '../fixtures/processes/rig.ts';

const fakes = [fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url)), dirname(process.execPath), process.env['PATH']].join(
  delimiter,
);
const bad = { fake: { bad_check: 'unknown field "x"' } };

interface Put {
  readonly rig: Rig;
  put(config: object | string): void;
}

function engine(b: Bench, name: EngineName, { path = fakes, ...over }: Partial<UnitSettings> & { readonly path?: string } = {}): Put {
  const configPath = join(b.directory, 'config.json');
  const put = (config: object | string): void => writeFileSync(configPath, typeof config === 'string' ? config : JSON.stringify(config));
  put({});
  return { put, rig: b.rig([unit('edge', { engine: name, configPath, ...over })], { path, environment: { ...process.env, PATH: path } }) };
}

const refusal =
  (reason: string, sentence: RegExp) =>
  (error: AgentError): boolean => {
    assert.equal(error.reason, reason);
    assert.match(error.message, sentence);
    return true;
  };

test('a restart with a config that the engine refuses leaves what runs alone, unless it is forced', async () => {
  await using b = bench();
  const { rig, put } = engine(b, 'sing-box');
  const { pid } = await rig.supervisor.start('edge', start);
  put(bad);
  await assert.rejects(
    rig.supervisor.restart('edge'),
    refusal('CONFIG_REFUSED', /^edge is left as it is: its engine refuses its config: .*unknown field "x"$/),
  );
  assert.deepEqual([rig.supervisor.get('edge').state, rig.supervisor.get('edge').pid], ['READY', pid]);
  assert.deepEqual(rig.story('edge'), ['starting', 'started', 'ready']);
  await assert.rejects(rig.supervisor.restart('edge', { force: true }), refusal('START_FAILED', /unknown field "x"/));
  put({});
  assert.equal((await rig.supervisor.restart('edge')).state, 'READY');
});

test('a restart whose program is gone leaves what runs alone', async () => {
  await using b = bench();
  const binary = join(b.directory, 'sing-box');
  writeFileSync(binary, `#!/bin/sh\nexec ${fakes.split(delimiter)[0]}/sing-box "$@"\n`, { mode: 0o755 });
  const { rig } = engine(b, 'sing-box', { binary });
  const { pid } = await rig.supervisor.start('edge', start);
  renameSync(binary, `${binary}.away`);
  await assert.rejects(rig.supervisor.restart('edge'), refusal('BINARY_NOT_FOUND', /is no executable file/));
  assert.equal(rig.supervisor.get('edge').pid, pid);
});

test('a reload asks the check first, and is done when the engine says so', async () => {
  await using b = bench();
  for (const name of ['sing-box', 'mihomo'] as const) {
    await using inner = bench();
    const { rig, put } = engine(inner, name);
    const { pid } = await rig.supervisor.start('edge', start);
    put(bad);
    await assert.rejects(rig.supervisor.reload('edge'), refusal('CONFIG_REFUSED', /left as it is.*unknown field/));
    await assert.rejects(
      rig.supervisor.reload('edge', { force: true }),
      refusal('CONFIG_REFUSED', /goes on with the old one: .*unknown field/),
    );
    assert.equal(rig.supervisor.get('edge').pid, pid);
    put({ changed: true });
    assert.equal((await rig.supervisor.reload('edge')).pid, pid);
    put({ fake: { dies_on_reload: true } });
    await assert.rejects(rig.supervisor.reload('edge'), refusal('START_FAILED', /ended while it reloaded/));
  }
  assert.ok(b);
});

test('what cannot reload in place is restarted, judged first; a command cannot reload', async () => {
  for (const name of ['xray', 'hysteria'] as const) {
    await using b = bench();
    const { rig, put } = engine(b, name);
    const { pid } = await rig.supervisor.start('edge', start);
    put(name === 'xray' ? bad : '{"listen": 1, "listen": 2}');
    await assert.rejects(rig.supervisor.reload('edge'), refusal('CONFIG_REFUSED', /left as it is/));
    assert.equal(rig.supervisor.get('edge').pid, pid, name);
    put({});
    const after = await rig.supervisor.reload('edge');
    assert.equal(after.state, 'READY');
    assert.notEqual(after.pid, pid);
  }
  await using b = bench();
  const { supervisor } = b.rig([sh('u', 'sleep 60')]);
  await supervisor.start('u', start);
  await assert.rejects(supervisor.reload('u'), (e: AgentError) => e.reason === 'RELOAD_UNSUPPORTED');
});

const always = { restart: { policy: 'always', baseMs: 3000 } as UnitSettings['restart'] };

test('a crash while the config is bad is a crash loop at once, with the sentence', async () => {
  await using b = bench();
  const { rig, put } = engine(b, 'sing-box', always);
  const { pid } = await rig.supervisor.start('edge', start);
  put(bad);
  process.kill(pid, 'SIGKILL');
  assert.ok(await until(() => rig.supervisor.get('edge').state === 'CRASH_LOOP'));
  const view = rig.supervisor.get('edge');
  assert.equal(view.reason, 'CONFIG_REFUSED');
  assert.match(view.message, /unknown field "x"/);
  assert.deepEqual(rig.story('edge').filter((type) => type === 'starting').length, 1, 'not one more try');
});

test("xray's 23 is terminal: no second try, and its sentence is the reason", async () => {
  await using b = bench();
  const { rig, put } = engine(b, 'xray', always);
  put(bad);
  await assert.rejects(rig.supervisor.start('edge', start), (e: AgentError) => e.reason === 'START_FAILED');
  const view = rig.supervisor.get('edge');
  assert.deepEqual([view.state, view.reason, view.exit?.code], ['CRASH_LOOP', 'CONFIG_REFUSED', 23]);
  assert.match(view.message, /refuses its config: unknown field "x"/);
});

test('a changed unit whose engine refuses its config goes on as it is', async () => {
  await using b = bench();
  const { rig, put } = engine(b, 'sing-box');
  const { pid } = await rig.supervisor.start('edge', start);
  put(bad);
  const next = unit('edge', { engine: 'sing-box', configPath: join(b.directory, 'config.json'), args: ['--x'], env: { RIG: b.directory } });
  await rig.supervisor.setUnits({ edge: next });
  assert.deepEqual([rig.supervisor.get('edge').state, rig.supervisor.get('edge').pid], ['READY', pid]);
});

const real = process.env['PATH'] ?? '';
const has = (name: string): boolean => findBinary(name, real, '/') !== undefined;

test('the real sing-box and the real xray: a broken hand edit stops nothing', { skip: !has('sing-box') || !has('xray') }, async () => {
  for (const name of ['sing-box', 'xray'] as const) {
    await using b = bench();
    const { rig, put } = engine(b, name, { path: real });
    put({ outbounds: [name === 'xray' ? { protocol: 'freedom' } : { type: 'direct' }] });
    const { pid, state } = await rig.supervisor.start('edge', start);
    assert.equal(state, 'READY', name);
    put('{ "outbounds": [');
    await assert.rejects(rig.supervisor.restart('edge'), refusal('CONFIG_REFUSED', /EOF|end of JSON/i));
    await assert.rejects(rig.supervisor.reload('edge'), refusal('CONFIG_REFUSED', /EOF|end of JSON/i));
    assert.equal(rig.supervisor.get('edge').pid, pid, name);
    put({ log: {}, outbounds: [name === 'xray' ? { protocol: 'freedom' } : { type: 'direct' }] });
    const after = await rig.supervisor.reload('edge');
    assert.deepEqual([after.state, after.pid === pid], ['READY', name === 'sing-box'], name);
  }
});
