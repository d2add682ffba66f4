/** runit from Debian's package, unpacked and not installed: a `runsv` beside each unit. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../test/helpers/daemon.ts';
import type { OpenSupervisor } from './types.ts';

export const openRunit: OpenSupervisor = async ({ dir, command, ids, defer }) => {
  execFileSync('apt-get', ['download', '-q', 'runit'], { cwd: dir, stdio: 'ignore' });
  const archive = readdirSync(dir).find((name) => name.endsWith('.deb')) ?? '';
  execFileSync('dpkg', ['-x', archive, 'root'], { cwd: dir });
  const version = archive.split('_')[1] ?? '';
  const services = join(dir, 'services');
  for (const id of ids) {
    mkdirSync(join(services, id), { recursive: true });
    writeFileSync(join(services, id, 'run'), `#!/bin/sh\nexec ${command.join(' ')}\n`, { mode: 0o755 });
    writeFileSync(join(services, id, 'down'), '');
  }
  const bin = join(dir, 'root/usr/bin');
  const child = spawn(join(bin, 'runsvdir'), [services], { env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: 'ignore' });
  // SIGHUP: every runsv gets SIGTERM and takes its service along.
  defer(async () => {
    child.kill('SIGHUP');
    await new Promise((resolve) => child.once('exit', resolve));
  });
  const control = (id: string): string => join(services, id, 'supervise/control');
  await until('runit', () => ids.every((id) => existsSync(control(id))));
  const send = (id: string, letters: string): void => {
    const fd = openSync(control(id), constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, letters);
    closeSync(fd);
  };
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').trim().split(' ').map(Number);
  const servers = (): readonly number[] => [child.pid ?? 0, ...children];
  return {
    name: `runit ${version}`,
    livesMs: 1100,
    pids: servers,
    alone: () => [child.pid ?? 0],
    servers,
    start: async (id) => send(id, 'u'),
    stop: async (id) => send(id, 'dk'),
    startAll: async (all) => all.forEach((id) => void send(id, 'u')),
    stopAll: async (all) => all.forEach((id) => void send(id, 'dk')),
  };
};
