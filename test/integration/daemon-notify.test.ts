/** What the daemon tells a service manager (sd_notify(3)), over a real datagram socket. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { type Daemon, foreign, makeDaemon, program, root, until } from '../helpers/daemon.ts';

const perl = foreign('perl');
const wrapper = join(root, 'deploy/systemd/with-notify-socket');
const receiver = join(root, 'test/fixtures/systemd/notify-receiver.pl');
const skip = perl === undefined ? 'there is no perl to make datagram sockets with' : false;

interface Manager {
  readonly socket: string;
  readonly messages: readonly string[];
  has(pattern: RegExp): Promise<void>;
}

/** The manager's end of the socket. */
async function listenFor(t: TestContext, daemon: Daemon): Promise<Manager> {
  const socket = join(daemon.dir, 'notify.sock');
  const child = spawn(perl ?? '', [receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  const messages: string[] = [];
  createInterface(child.stdout).on('line', (line) => messages.push(line));
  const has = async (pattern: RegExp): Promise<void> => {
    await until(`a message like ${pattern} among ${JSON.stringify(messages)}`, () => messages.some((message) => pattern.test(message)));
  };
  await has(/^listening$/);
  return { socket, messages, has };
}

function serve(t: TestContext, daemon: Daemon, { before, env }: { before: readonly string[]; env: Readonly<Record<string, string>> }) {
  const [command = '', ...args] = [...before, program, 'serve', '--config', daemon.configPath, '--state-dir', daemon.stateDir];
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  const exited = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(String(code ?? signal))));
  t.after(() => void child.kill('SIGKILL'));
  return { child, exited };
}

const unit = { edge: { command: ['/bin/sleep', '600'], autostart: true } };

test('ready, status, signs of life, reload and stop are datagrams from the daemon itself', { skip }, async (t) => {
  const daemon = await makeDaemon({ config: { processes: { units: unit } } });
  t.after(() => daemon.dispose());
  const manager = await listenFor(t, daemon);
  const { child, exited } = serve(t, daemon, { before: [wrapper], env: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '600000' } });
  await manager.has(/^READY=1 STATUS=HEALTHY; \d of 1 processes READY/);
  assert.equal((await fetch(`${daemon.base}/api/v1/health`)).status, 200, 'ready is said when health answers 200');
  await manager.has(/^STATUS=HEALTHY; 1 of 1 processes READY$/);
  await until('five signs of life', () => manager.messages.filter((message) => message === 'WATCHDOG=1').length >= 5);

  // What the daemon has open for the manager is the daemon's alone.
  const listed = (await daemon.rest('GET', '/api/v1/processes/edge')).json as { readonly pid: number };
  const open = readdirSync(`/proc/${listed.pid}/fd`).map((fd) => `${fd} ${readlinkSync(`/proc/${listed.pid}/fd/${fd}`)}`);
  assert.deepEqual(
    open.filter((line) => /socket/.test(line)),
    [],
  );

  child.kill('SIGHUP');
  await manager.has(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
  const begun = manager.messages.findIndex((message) => message.startsWith('RELOADING'));
  await until('READY=1 after the reload', () => manager.messages.slice(begun).includes('READY=1'));

  // A change over the API is a reload like any other.
  const before = manager.messages.length;
  const put = await daemon.rest('PUT', '/api/v1/config?update_mask=agent.log_level', { agent: { log_level: 'debug' } });
  assert.equal(put.status, 200, JSON.stringify(put.json));
  await until('the reload of the API', () => {
    const [reloading, ready] = ['RELOADING', 'READY=1'].map((word) =>
      manager.messages.findIndex((m, i) => i >= before && m.startsWith(word)),
    );
    return reloading !== undefined && ready !== undefined && reloading >= before && ready > reloading;
  });

  writeFileSync(daemon.configPath, 'processes: [', { mode: 0o600 });
  child.kill('SIGHUP');
  await manager.has(/^STATUS=DEGRADED; 1 of 1 processes READY; config: /);

  child.kill('SIGTERM');
  await manager.has(/^STOPPING=1 STATUS=stopping$/);
  assert.equal(await exited, '0');
});

test('a loop that does not turn gives no signs of life', { skip }, async (t) => {
  const daemon = await makeDaemon();
  t.after(() => daemon.dispose());
  const manager = await listenFor(t, daemon);
  const { child } = serve(t, daemon, { before: [wrapper], env: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '300000' } });
  await manager.has(/^WATCHDOG=1$/);
  child.kill('SIGSTOP');
  await until('the end of the signs that were under way', async () => {
    const before = manager.messages.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return manager.messages.length === before;
  });
  const stopped = manager.messages.length;
  child.kill('SIGCONT');
  await until('signs of life again', () => manager.messages.slice(stopped).includes('WATCHDOG=1'));
});

test('without a descriptor systemd-notify speaks for the daemon', {
  skip: skip || (existsSync('/usr/bin/systemd-notify') ? false : 'there is no systemd-notify'),
}, async (t) => {
  const daemon = await makeDaemon();
  t.after(() => daemon.dispose());
  const manager = await listenFor(t, daemon);
  const { child, exited } = serve(t, daemon, { before: [], env: { NOTIFY_SOCKET: manager.socket } });
  await manager.has(/READY=1/);
  child.kill('SIGTERM');
  await manager.has(/STOPPING=1/);
  assert.equal(await exited, '0');
});
