/** The daemon's beginning and its end, whatever is in the way: signals while it starts, an output that nobody reads, faults. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, constants as fileConstants, lstatSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Daemon, makeDaemon, program, until } from '../helpers/daemon.ts';

async function daemonOf(t: TestContext, config?: Readonly<Record<string, unknown>>): Promise<Daemon> {
  const daemon = await makeDaemon(config === undefined ? {} : { config });
  t.after(() => daemon.dispose());
  return daemon;
}

interface Run {
  readonly child: ChildProcess;
  readonly exited: Promise<string>;
}

/** Runs the daemon; `exited` answers its code or signal. */
function serve(t: TestContext, daemon: Daemon, stdout: number | 'ignore' = 'ignore', stderr: number | 'ignore' = 'ignore'): Run {
  const child = spawn(program, ['serve', '--config', daemon.configPath, '--state-dir', daemon.stateDir], {
    stdio: ['ignore', stdout, stderr],
  });
  const exited = new Promise<string>((resolve) => child.once('exit', (code, signal) => resolve(String(code ?? signal))));
  t.after(() => void child.kill('SIGKILL'));
  return { child, exited };
}

const serves = (daemon: Daemon): Promise<boolean> =>
  until('its health answer', async () => (await fetch(`${daemon.base}/api/v1/health`)).status === 200);

/** A pipe that nobody empties, and that is full already: the end that a program writes to, in the blocking mode of a shell's pipes. */
function fullPipe(t: TestContext, dir: string): number {
  const path = join(dir, 'stdout.fifo');
  execFileSync('mkfifo', [path]);
  const both = openSync(path, fileConstants.O_RDWR | fileConstants.O_NONBLOCK);
  assert.throws(() => {
    for (;;) writeSync(both, Buffer.alloc(4096));
  }, /EAGAIN/);
  const fd = openSync(path, fileConstants.O_WRONLY);
  t.after(() => {
    closeSync(fd);
    closeSync(both);
  });
  return fd;
}

/** Whether the program has taken over from the launcher and handles a signal. */
function handles(pid: number, signal: number): boolean {
  if (!/src\/main\.ts|dist\/daemon\/start\.cjs/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) return false;
  const [, mask = '0'] = /^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

test('SIGHUP is handled before anything else is done', async (t) => {
  const daemon = await daemonOf(t);
  const { child, exited } = serve(t, daemon);
  const pid = child.pid ?? 0;
  // To hold its signals is the first thing that the program does: nothing of the state directory is there before it.
  let early = false;
  await until('the program to handle it', () => {
    const made = existsSync(daemon.stateDir);
    const handled = handles(pid, constants.signals.SIGHUP);
    early ||= made && !handled;
    return handled;
  });
  assert.equal(early, false);
  process.kill(pid, 'SIGHUP');
  await serves(daemon);
  process.kill(pid, 'SIGTERM');
  assert.equal(await exited, '0');
});

test('SIGTERM while it starts ends it with 0', async (t) => {
  const daemon = await daemonOf(t);
  const { child, exited } = serve(t, daemon);
  const pid = child.pid ?? 0;
  // Of SIGTERM it could not be told: Node catches it itself, to end by it.
  await until('the program to handle signals', () => handles(pid, constants.signals.SIGHUP));
  process.kill(pid, 'SIGTERM');
  assert.equal(await exited, '0');
});

test('an output that nobody reads holds up nothing: it serves, and SIGTERM ends it with 0', async (t) => {
  const daemon = await daemonOf(t, { agent: { name: 'e2e', log_level: 'debug' } });
  const fd = fullPipe(t, daemon.dir);
  const { child, exited } = serve(t, daemon, fd, fd);
  await serves(daemon);
  child.kill('SIGTERM');
  assert.equal(await exited, '0');
});

test('a second SIGTERM ends it at once, whatever the end is waiting for', async (t) => {
  const stubborn = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];
  const daemon = await daemonOf(t, {
    processes: { units: { stubborn: { command: stubborn, autostart: true, stop: { grace: '60s' } } } },
  });
  const fd = fullPipe(t, daemon.dir);
  const { child, exited } = serve(t, daemon, fd);
  await serves(daemon);
  const state = async (): Promise<unknown> => ((await daemon.rest('GET', '/api/v1/processes/stubborn')).json as { state: string }).state;
  await until('the unit', async () => (await state()) === 'READY');
  child.kill('SIGTERM');
  await until('the end to begin', async () => (await fetch(`${daemon.base}/api/v1/health`).catch(() => ({ status: 0 }))).status !== 200);
  child.kill('SIGTERM');
  assert.equal(await exited, '0');
});

test('everything that it makes is its own: directories 0700, files 0600', async (t) => {
  const daemon = await daemonOf(t, { processes: { units: { u: { command: ['sleep', '100'], autostart: true } } } });
  await daemon.start();
  await until('the unit', async () => {
    const { json } = await daemon.rest('GET', '/api/v1/processes/u');
    return (json as { state: string }).state === 'READY';
  });
  const open: string[] = [];
  for (const entry of readdirSync(daemon.stateDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = lstatSync(path).mode & 0o777;
    if (!entry.isSocket() && (mode & 0o077) !== 0) open.push(`${path} 0${mode.toString(8)}`);
  }
  assert.deepEqual(open, []);
});
