/** Runs the built daemon as a user would, with a state directory, a configuration and a port of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

export const root = join(import.meta.dirname, '../..');
export const program = join(root, 'bin/sboxagent');

export interface Daemon {
  readonly dir: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly port: number;
  readonly base: string;
  token(): string;
  pid(): number;
  /** What it wrote so far. */
  log(): string;
  start(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  rest(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; headers: Headers; json: unknown }>;
  /** Ends it and removes what it left. */
  dispose(): Promise<void>;
}

/** Polls until `fn` answers something; throws after `timeoutMs`. */
export async function until<T>(
  what: string,
  fn: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      const value = await fn();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      if (performance.now() > end) throw new Error(`waited in vain for ${what}`, { cause: error });
    }
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(25);
  }
}

function cleanEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OTEL_|SBOXAGENT_|NODE_TEST|NODE_COMPILE_CACHE)/.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

export interface DaemonOptions {
  /** Laid over a quiet default (rate limit off). */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: that of the checkout. */
  readonly program?: string;
  /** Whether it is up, where that is not told by its health over plain HTTP. */
  readonly ready?: () => Promise<boolean>;
}

/** Makes a daemon; `start` runs it. */
export async function makeDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-e2e-'));
  const stateDir = join(dir, 'state');
  const configPath = join(dir, 'sboxagent.yaml');
  const port = await freePort();
  const { api, sboxmgr, ...rest } = (options.config ?? {}) as { api?: Record<string, unknown>; sboxmgr?: Record<string, unknown> };
  const config = {
    agent: { name: 'e2e' },
    api: { port, security: { rate_limit: { enabled: false } }, ...api },
    // Daemons of tests run at once: each has a socket of its own.
    sboxmgr: { socket: { path: join(dir, 'sboxmgr.sock') }, ...sboxmgr },
    ...rest,
  };
  writeFileSync(configPath, JSON.stringify(config), { mode: 0o600 });
  const base = `http://127.0.0.1:${port}`;
  const logPath = join(dir, 'agent.log');
  let child: ChildProcess | undefined;
  let exited: Promise<number | null> = Promise.resolve(null);

  const daemon: Daemon = {
    dir,
    stateDir,
    configPath,
    port,
    base,
    token: () => readFileSync(join(stateDir, 'admin.token'), 'utf8').trim(),
    pid: () => child?.pid ?? 0,
    log: () => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''),
    async start() {
      const log = openSync(logPath, 'a');
      const started = spawn(options.program ?? program, ['serve', '--config', configPath, '--state-dir', stateDir], {
        env: cleanEnvironment(options.env ?? {}),
        stdio: ['ignore', log, log],
      });
      child = started;
      exited = new Promise((resolve) => started.once('exit', resolve));
      await until(`the daemon's health answer: ${daemon.log().slice(-500)}`, async () => {
        if (started.exitCode !== null) throw new Error(`the daemon ended with ${started.exitCode}: ${daemon.log().slice(-500)}`);
        return options.ready?.() ?? (await fetch(`${base}/api/v1/health`)).status === 200;
      });
    },
    async kill(signal) {
      child?.kill(signal);
      return exited;
    },
    async rest(method, path, body, headers = {}) {
      const answer = await fetch(base + path, {
        method,
        headers: { authorization: `Bearer ${daemon.token()}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, json: text === '' ? undefined : JSON.parse(text) };
    },
    async dispose() {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([exited, sleep(8000, undefined, { ref: false })]);
        if (child.exitCode === null) child.kill('SIGKILL');
        await exited;
      }
      killWhatWorksBelow(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return daemon;
}

/** Engines outlive their daemon: those that a test's daemon kept are ended with the test. */
function killWhatWorksBelow(dir: string): void {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${entry}/cwd`).startsWith(`${dir}/`)) process.kill(Number(entry), 'SIGKILL');
    } catch {
      // gone, or of somebody else
    }
  }
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a foreign program to its end, or until `timeoutMs`, when it is ended and what it said counts. */
export function runProgram(
  argv: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ran> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: cleanEnvironment(options.env ?? {}), stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (out[name] += text));
    // The whole group: npm's launchers are parents of what they launch.
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), options.timeoutMs ?? 60_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...out });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** A foreign program of .ci/bin or PATH; undefined where it is not on this machine. */
export function foreign(name: string): string | undefined {
  const dirs = [join(root, '.ci/bin'), ...(process.env['PATH'] ?? '').split(':')];
  return dirs.map((dir) => join(dir, name)).find((path) => existsSync(path));
}
