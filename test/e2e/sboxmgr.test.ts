/**
 * sboxmgr as it is, against the daemon as it is installed. With a checkout of sboxmgr (`SBOXMGR_CHECKOUT`, and `SBOXMGR_PYTHON` for an
 * interpreter that has what it needs, sbox_common among it) its own ecosystem script runs; without one a fake of its bridge shows the same.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Daemon, foreign, makeDaemon, root, runProgram, until } from '../helpers/daemon.ts';

/** Where unmodified sboxmgr looks, and nowhere else. */
const wellKnown = '/tmp/sboxagent.sock';
const checkout = process.env['SBOXMGR_CHECKOUT'];
const real = checkout !== undefined && existsSync(join(checkout, 'tests/mvp_ecosystem_test.py')) && !existsSync(wellKnown);

let daemon: Daemon;
let path: string;
before(async () => {
  daemon = await makeDaemon(real ? { config: { sboxmgr: { socket: { path: wellKnown } } } } : {});
  await daemon.start();
  const bin = join(daemon.dir, 'bin');
  mkdirSync(bin);
  const engine = foreign('sing-box');
  if (engine !== undefined) symlinkSync(engine, join(bin, 'sing-box'));
  else {
    const fake = `#!/bin/sh
[ "$1" = version ] && { echo 'sing-box version 1.14.1'; exit 0; }
grep -q nonsense "$3" && { echo "FATAL[0000] decode config at $3: outbounds[0]: unknown outbound type: nonsense" >&2; exit 1; }
exit 0`;
    writeFileSync(join(bin, 'sing-box'), fake);
    chmodSync(join(bin, 'sing-box'), 0o755);
  }
  path = `${bin}:${join(root, 'bin')}:${process.env['PATH'] ?? ''}`;
});
after(() => daemon.dispose());

interface Listed {
  readonly type: string;
  readonly source: string;
  readonly severity: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, string>>;
}

async function eventsOf(trace: string): Promise<readonly Listed[]> {
  const { json } = await daemon.rest('GET', `/api/v1/events?filter.trace_id=${trace}&order_by=revision`);
  return (json as { readonly events: readonly Listed[] }).events;
}

for (const [what, outbound, success, trace] of [
  ['good', 'direct', true, 'a1b2c3d4'],
  ['bad', 'nonsense', false, 'a1b2c3d5'],
] as const) {
  test(`a ${what} configuration is validated by the agent, and what the bridge tells stands under its trace id`, async (t) => {
    t.diagnostic(`ran: a fake of sboxmgr's bridge, ${foreign('sing-box') === undefined ? 'a fake engine' : 'the real sing-box'}`);
    const config = join(daemon.dir, `${what}.json`);
    writeFileSync(config, JSON.stringify({ outbounds: [{ type: outbound, tag: 'out' }] }), { mode: 0o600 });
    const socket = real ? wellKnown : join(daemon.dir, 'sboxmgr.sock');
    const script = join(import.meta.dirname, 'sboxmgr_bridge.py');
    const { code, stdout, stderr } = await runProgram(['python3', script, socket, trace, config], {
      env: { PATH: path, SBOXAGENT_SBOXMGR_SOCKET_PATH: socket },
    });
    assert.equal(code, 0, stderr);
    const said = JSON.parse(stdout);
    assert.deepEqual(said.pong, { pong: true });
    assert.equal(said.version.success, true);
    assert.deepEqual([said.validated.success, said.validated.client_detected, said.validated.trace_id], [success, 'sing-box', trace]);
    if (!success) assert.match(said.validated.errors[0], /FATAL\[0000\].*nonsense/);
    assert.deepEqual([said.started.status, said.completed.status], ['success', 'success']);
    assert.equal(said.heartbeat.agent_id, 'sboxagent');
    assert.equal(said.status.status, 'healthy');
    const whole = trace.padStart(32, '0');
    const events = await until('the events of the validation', async () => {
      const found = (await eventsOf(whole)).filter(({ source }) => source === 'sboxmgr.bridge');
      return found.length === 2 && found;
    });
    assert.deepEqual(
      events.map(({ type, attributes }) => [type, attributes['original_type'], attributes['original_trace_id']]),
      [
        ['sboxmgr.agent.validation.started', 'validation_started', trace],
        ['sboxmgr.agent.validation.completed', 'validation_completed', trace],
      ],
    );
    assert.equal(events[1]?.severity, success ? 'INFO' : 'WARNING');
    const judged = (await eventsOf(whole)).filter(({ type }) => type === 'config.validated');
    assert.deepEqual(
      judged.map(({ source, data }) => [source, data['success'], data['config_path']]),
      [['sboxmgr', success, config]],
    );
  });
}

test("sboxmgr's own ecosystem script", { skip: !real && 'no checkout of sboxmgr here: the fake of its bridge ran instead' }, async (t) => {
  const python = process.env['SBOXMGR_PYTHON'] ?? 'python3';
  const env = { PATH: path, PYTHONPATH: [join(checkout ?? '', 'src'), process.env['PYTHONPATH'] ?? ''].join(':') };
  const { stdout, stderr } = await runProgram([python, join(checkout ?? '', 'tests/mvp_ecosystem_test.py')], { env, timeoutMs: 60_000 });
  const passed = Number(/^Passed: (\d+)$/m.exec(stdout)?.[1]);
  t.diagnostic(`ran: sboxmgr's own ecosystem script, ${passed} of 7`);
  assert.ok(passed >= 6, stdout + stderr);
  for (const sign of [
    'Agent ping successful',
    'Response received successfully',
    'Event sending successful',
    'Bridge validation call successful',
  ]) {
    assert.ok(stdout.includes(sign), sign);
  }
  // What it validated by the child process stands under the trace id of its own log lines.
  const trace = /\[([0-9a-f]{8})\] Connected to sboxagent/.exec(stdout)?.[1] ?? '';
  assert.deepEqual(
    (await eventsOf(trace.padStart(32, '0'))).map(({ type, data }) => [type, data['success']]),
    [['config.validated', false]],
  );
});
