import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthSnapshot } from '../../../src/api/index.ts';
import { findNotifyChannel } from '../../../src/app/notify-channel.ts';
import { createServiceManager, signOfLifeEveryMs, statusLine } from '../../../src/app/service-manager.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

const health = (status: HealthSnapshot['status'], message = ''): HealthSnapshot => ({
  status,
  components: [{ name: 'config', status, message, sinceMs: 0 }],
  timeMs: 0,
});

test('the watchdog counts where it is meant for this process', () => {
  const rows: readonly (readonly [Readonly<Record<string, string>>, number | undefined])[] = [
    [{}, undefined],
    [{ WATCHDOG_USEC: '60000000' }, 20_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' }, 20_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{ WATCHDOG_USEC: '100' }, 1],
  ];
  for (const [environment, everyMs] of rows) assert.equal(signOfLifeEveryMs(environment, 7), everyMs, JSON.stringify(environment));
});

test('a descriptor counts where it was handed to this process, under its name, and is a socket', () => {
  const socket = { NOTIFY_SOCKET: '/run/systemd/notify' };
  const handed = { ...socket, LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' };
  assert.deepEqual(findNotifyChannel({}, 7), { kind: 'none' });
  assert.deepEqual(findNotifyChannel({ ...handed, NOTIFY_SOCKET: '' }, 7), { kind: 'none' });
  assert.deepEqual(findNotifyChannel(socket, 7), { kind: 'program', socket: socket.NOTIFY_SOCKET });
  assert.deepEqual(findNotifyChannel({ ...handed, LISTEN_PID: '8' }, 7), { kind: 'program', socket: socket.NOTIFY_SOCKET });
  assert.deepEqual(findNotifyChannel({ ...handed, LISTEN_FDNAMES: 'api' }, 7), { kind: 'program', socket: socket.NOTIFY_SOCKET });
});

test('READY waits while health answers 503, and the status says why', () => {
  const { clock, advance } = bentClock();
  const sent: string[] = [];
  let now = health('UNHEALTHY', 'the disk\nis full');
  const manager = createServiceManager({ send: (lines) => sent.push(lines.join(' ')), environment: {}, clock });
  manager.serving({ health: () => now, processes: () => ['READY', 'STARTING'] });
  assert.deepEqual(sent, ['STATUS=UNHEALTHY; 1 of 2 processes READY; config: the disk is full']);
  advance(1000);
  assert.equal(sent.length, 1, 'what did not change is not said again');
  now = health('HEALTHY');
  advance(1000);
  assert.equal(sent[1], 'READY=1 STATUS=HEALTHY; 1 of 2 processes READY');
  manager.stopping();
  now = health('DEGRADED');
  advance(1000);
  assert.deepEqual(sent.slice(2), ['STOPPING=1 STATUS=stopping']);
});

test('a status is one line of bounded length', () => {
  const line = statusLine({ health: () => health('DEGRADED', `one\ntwo${'x'.repeat(1000)}`), processes: () => [] });
  assert.match(line, /^DEGRADED; 0 of 0 processes READY; config: one/);
  assert.ok(line.length <= 300 && !line.includes('\n'));
});

test('a reload is said once, also where one is within another or fails', async () => {
  const { clock } = bentClock();
  const sent: string[] = [];
  const manager = createServiceManager({
    send: (lines) => void sent.push(...lines.filter((line) => /^(READY|RELOADING)/.test(line))),
    environment: {},
    clock,
  });
  await manager.reloading(async () => undefined);
  assert.deepEqual(sent, [], 'it has not said yet that it is ready');
  manager.serving({ health: () => health('HEALTHY'), processes: () => [] });
  await manager.reloading(() => manager.reloading(async () => undefined));
  assert.deepEqual(sent, ['READY=1', 'RELOADING=1', 'READY=1']);
  const refused = manager.reloading(() => Promise.reject(new Error('refused')));
  await assert.rejects(refused, /refused/);
  assert.deepEqual(sent.slice(3), ['RELOADING=1', 'READY=1']);
});
