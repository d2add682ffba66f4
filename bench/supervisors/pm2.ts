/** pm2 as it is published, from the registry, with a daemon of its own. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { OpenSupervisor } from './types.ts';

const version = '7.0.4';
const atOnce = 8;

type Done = (error: unknown) => void;

/** The part of its API that is used here. */
interface Pm2 {
  connect(done: Done): void;
  disconnect(): void;
  killDaemon(done: Done): void;
  start(apps: object | string, done: Done): void;
  restart(name: string, done: Done): void;
  stop(name: string, done: Done): void;
}

export const openPm2: OpenSupervisor = async ({ dir, command: [script, ...args], ids, defer }) => {
  execFileSync('npm', ['install', '--prefix', dir, '--no-audit', '--no-fund', '--ignore-scripts', `pm2@${version}`], { stdio: 'ignore' });
  const home = join(dir, 'home');
  process.env['PM2_HOME'] = home;
  process.env['PM2_DISCRETE_MODE'] = 'true';
  const pm2 = createRequire(join(dir, 'package.json'))('pm2') as Pm2;
  const call = (fn: (done: Done) => void): Promise<void> =>
    new Promise((resolve, reject) =>
      fn((error) => (error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve())),
    );
  await call((done) => pm2.connect(done));
  defer(async () => {
    await call((done) => pm2.killDaemon(done));
    pm2.disconnect();
  });
  const options = { script, args, interpreter: 'none', autorestart: true, max_restarts: 1e6, min_uptime: 100, kill_timeout: 2000 };
  const logs = { out_file: '/dev/null', error_file: '/dev/null' };
  const apps = ids.map((name) => ({ name, ...options, ...logs }));
  const known = new Set<string>();
  const start = (id: string): Promise<void> => {
    if (known.has(id)) return call((done) => pm2.restart(id, done));
    known.add(id);
    return call((done) => pm2.start(apps[ids.indexOf(id)] ?? {}, done));
  };
  /** As its command line does: a few at a time, or it loses some. */
  const each = async (all: readonly string[], act: (id: string) => Promise<void>): Promise<void> => {
    const left = [...all];
    const worker = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) await act(id);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  const stop = (id: string): Promise<void> => call((done) => pm2.stop(id, done));
  const servers = (): readonly number[] => [Number(readFileSync(join(home, 'pm2.pid'), 'utf8'))];
  return {
    name: `pm2 ${version}`,
    livesMs: 0,
    pids: servers,
    alone: servers,
    servers,
    start,
    stop,
    startAll: (all) => each(all, start),
    stopAll: (all) => each(all, stop),
  };
};
