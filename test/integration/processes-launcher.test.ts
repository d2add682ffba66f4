/** A launcher that dies, hangs, or was never well costs no unit its run; an agent that dies leaves none behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { findPerl } from '../../src/processes/launch/launcher.ts';
import { createProgramSpawner } from '../../src/processes/launch/program-spawner.ts';
import { freshSpools, prepareDirectory, runFiles } from '../../src/processes/unit-record.ts';
import { livingDaemon } from '../fixtures/processes/killed-daemon.ts';
import { type Bench, bench, pidsWith, sh, silentLogger, start, unit, until } from '../fixtures/processes/rig.ts';

const skip = findPerl() === undefined ? 'there is no Perl' : false;
const always = { ...unit('x').restart, policy: 'always' } as const;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
const stateOf = (pid: number): string => /\) (\S)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? '';
const titled = (pid: number, title: string): boolean => read(`/proc/${pid}/cmdline`).startsWith(title) && stateOf(pid) !== 'Z';

function launchersOf(parent: number): readonly number[] {
  const children = read(`/proc/${parent}/task/${parent}/children`).trim().split(' ').filter(Boolean).map(Number);
  return children.filter((pid) => titled(pid, 'sboxagent-launcher'));
}

async function launcherOf(parent: number, not = 0): Promise<number> {
  const find = (): number | undefined => launchersOf(parent).find((pid) => pid !== not);
  assert.ok(await until(() => find() !== undefined), 'there is a launcher');
  return find() ?? 0;
}

/** The programs of a bench. */
const programs = (b: Bench): readonly number[] => pidsWith(`RIG=${b.directory}\0`).filter((pid) => read(`/proc/${pid}/comm`) === 'sleep\n');

test('the launcher is killed: ends are told, the next start has the next launcher', { skip }, async () => {
  await using b = bench();
  const { supervisor, story, event } = b.rig([
    sh('a', 'exec sleep 300'),
    sh('b', 'exec sleep 300', { restart: always }),
    sh('c', 'exec sleep 300'),
  ]);
  for (const id of ['a', 'b']) await supervisor.start(id, start);
  const first = await launcherOf(process.pid);
  process.kill(first, 'SIGKILL');
  await launcherOf(process.pid, first);
  process.kill(supervisor.get('a').pid, 'SIGSEGV');
  assert.ok(await until(() => supervisor.get('a').state === 'EXITED'));
  assert.equal(event('a', 'exited')?.data?.['signal'], 'SIGSEGV', 'by its own file');
  const { pid } = supervisor.get('b');
  process.kill(pid, 'SIGKILL');
  assert.ok(await until(() => supervisor.get('b').state === 'READY' && supervisor.get('b').pid !== pid), story('b').join(' '));
  assert.equal((await supervisor.start('c', start)).state, 'READY');
  assert.ok(await until(() => programs(b).length === 2));
  for (const id of ['b', 'c']) await supervisor.stop(id, {});
  assert.deepEqual(programs(b), []);
});

test('the launcher hangs: it is replaced, and what was asked of it is started once', { skip }, async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('a', 'exec sleep 300'), sh('b', 'exec sleep 300')]);
  await supervisor.start('a', start);
  const first = await launcherOf(process.pid);
  process.kill(first, 'SIGSTOP');
  assert.equal((await supervisor.start('b', start)).state, 'READY');
  assert.equal(stateOf(first), '', 'the one that hung is gone, so that it cannot start it a second time');
  assert.ok(await until(() => programs(b).length === 2));
  await launcherOf(process.pid, first);
});

test('the launcher hangs while nothing is asked of it: that is found out, and ends are told', { skip }, async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('a', 'exec sleep 300')]);
  await supervisor.start('a', start);
  process.kill(await launcherOf(process.pid), 'SIGSTOP');
  process.kill(supervisor.get('a').pid, 'SIGKILL');
  assert.ok(await until(() => supervisor.get('a').state === 'EXITED'));
});

test('the shim is killed before it can answer: nothing of that run is left, and it is started once', { skip }, async () => {
  await using b = bench();
  const files = runFiles(b.directory, 'u');
  prepareDirectory(files);
  freshSpools(files);
  const spawner = createProgramSpawner({ clock: systemClock, logger: silentLogger, perl: findPerl() });
  const id = `u${process.pid}`;
  // A group whose file is a fifo: the shim waits for ever to join it.
  const fifo = join(b.directory, 'cgroup.procs');
  execFileSync('mkfifo', [fifo]);
  let swept = 0;
  const request = {
    argv: ['/bin/sleep', '300'],
    env: { RIG: b.directory },
    cwd: '/',
    unitId: id,
    runId: 'r',
    files,
    umask: 0,
    group: b.directory,
  };
  const spawned = spawner.spawn(request, async () => {
    swept += 1;
    rmSync(fifo);
    writeFileSync(fifo, '');
  });
  const launcher = await launcherOf(process.pid);
  const shim = (): number | undefined =>
    readdirSync('/proc')
      .map(Number)
      .find((pid) => pid > 0 && titled(pid, `sboxagent-shim SBOXAGENT_UNIT=${id}:r`));
  assert.ok(await until(() => shim() !== undefined));
  process.kill(shim() ?? 0, 'SIGKILL');
  const { pid } = await spawned;
  assert.equal(swept, 1);
  assert.ok(await until(() => programs(b).length === 1));
  assert.deepEqual(programs(b), [pid]);
  spawner.close();
  assert.ok(await until(() => !titled(launcher, 'sboxagent-launcher')));
});

test('a launcher that cannot be had costs nothing but the fork', async () => {
  await using b = bench();
  const files = runFiles(b.directory, 'u');
  prepareDirectory(files);
  for (const perl of ['/bin/false', '/no/such/perl', '/bin/cat']) {
    const spawner = createProgramSpawner({ clock: systemClock, logger: silentLogger, perl });
    for (let n = 0; n < 3; n++) {
      freshSpools(files);
      const request = { argv: ['/bin/true'], env: {}, cwd: '/', unitId: 'u', runId: 'r', files, umask: 0, group: '' };
      const { ended } = await spawner.spawn(request, async () => undefined);
      assert.deepEqual(await ended, { kind: 'code', code: 0 }, perl);
    }
    spawner.close();
  }
});

test('an agent that is killed leaves no launcher; what it keeps runs on and is adopted with its shim', { skip }, async () => {
  await using b = bench();
  const units = [
    sh('keep', 'sleep 1; while :; do sleep 0.1; [ -e end ] && exit 9; done', { autostart: true, onAgentExit: 'keep', cwd: b.directory }),
  ];
  const daemon = await livingDaemon(b, units);
  const launchers = (): readonly number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && titled(pid, 'sboxagent-launcher'));
  const before = launchers();
  await daemon.kill();
  assert.ok(before.length > 0);
  const { supervisor, event } = b.rig(units);
  assert.equal(supervisor.get('keep').pid, daemon.pids.get('keep'));
  writeFileSync(join(b.directory, 'end'), '');
  assert.ok(await until(() => supervisor.get('keep').state === 'EXITED'));
  assert.equal(event('keep', 'exited')?.data?.['code'], 9, 'the shim has written it down');
  assert.ok(await until(() => before.some((pid) => !titled(pid, 'sboxagent-launcher'))));
});

test('who is told of a start finds the program itself under its pid, with memory', async () => {
  await using b = bench();
  // By itself, and by way of a shell.
  const { supervisor } = b.rig([unit('a', { command: ['/bin/sleep', '300'] }), sh('b', 'exec /bin/sleep 300')]);
  for (let n = 0; n < 40; n++) {
    const id = n % 2 === 0 ? 'a' : 'b';
    const { pid } = await (n < 2 ? supervisor.start(id, start) : supervisor.restart(id));
    assert.equal(read(`/proc/${pid}/cmdline`), '/bin/sleep\x00300\0', `start ${n}`);
    assert.ok(((await supervisor.resources(id))?.residentMemoryBytes ?? 0) > 0);
  }
});
