import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { AgentError } from '../../src/kernel/errors.ts';
import { readRecord } from '../../src/processes/record-file.ts';
import { runFiles } from '../../src/processes/unit-record.ts';
import { livingDaemon } from '../fixtures/processes/killed-daemon.ts';
import { bench, pidsWith, sh, silentLogger, start, unit, until } from '../fixtures/processes/rig.ts';

const patient = { ...unit('x').restart, policy: 'always', baseMs: 60_000 } as const;

test('what a person stopped stays stopped, and what was started goes on, when the daemon is killed', async () => {
  await using b = bench();
  const units = [
    sh('stopped', 'exec sleep 300', { autostart: true }),
    sh('started', 'exec sleep 300'),
    sh('untouched', 'exec sleep 300', { autostart: true }),
    sh('never', 'exec sleep 300'),
  ];
  const daemon = await livingDaemon(b, units);
  await daemon.call('stop', 'stopped');
  await daemon.call('start', 'started');
  await daemon.kill();
  for (const pid of pidsWith(b.directory)) process.kill(pid, 'SIGKILL');
  const { supervisor } = b.rig(units.map((u) => ({ ...u, restart: { ...patient, baseMs: 0 } })));
  await supervisor.startAll();
  await until(() => supervisor.get('started').state === 'READY' && supervisor.get('untouched').state === 'READY');
  assert.deepEqual(
    supervisor.list().map((p) => `${p.id} ${p.state} ${p.desired}`),
    ['never STOPPED DOWN', 'started READY UP', 'stopped STOPPED DOWN', 'untouched READY UP'],
  );
});

test('a backoff goes on under the next daemon, at the time that was told', async () => {
  await using b = bench();
  const units = [sh('a', 'exit 1', { autostart: true, restart: { ...patient, baseMs: 1500, jitter: 0 } })];
  const daemon = await livingDaemon(b, units);
  const record = (): { state: string; dueWallMs: number | undefined } => ({
    state: '',
    dueWallMs: undefined,
    ...readRecord(runFiles(join(b.directory, 'state'), 'a').record)?.record,
  });
  assert.ok(await until(() => record().state === 'BACKOFF'));
  const { dueWallMs } = record();
  await daemon.kill();
  const { supervisor, story } = b.rig(units);
  const view = supervisor.get('a');
  assert.deepEqual([view.state, view.desired, view.nextStartTimeMs], ['BACKOFF', 'UP', dueWallMs]);
  await supervisor.startAll();
  assert.ok(await until(() => story('a').includes('starting')));
  assert.ok(Date.now() >= (dueWallMs ?? Number.POSITIVE_INFINITY));
  assert.equal(supervisor.get('a').restartCount, 1);
});

test('a backoff whose time came while there was no daemon is over at once', async () => {
  await using b = bench();
  const units = [
    sh('a', '[ -e "$RIG/go" ] && exec sleep 300; exit 1', { restart: { ...patient, baseMs: 300, jitter: 0 }, autostart: true }),
  ];
  const daemon = await livingDaemon(b, units);
  const state = (): string | undefined => readRecord(runFiles(join(b.directory, 'state'), 'a').record)?.record.state;
  assert.ok(await until(() => state() === 'BACKOFF'));
  await daemon.kill();
  writeFileSync(join(b.directory, 'go'), '');
  await systemClock.sleep(400);
  const errors: unknown[] = [];
  const { supervisor } = b.rig(units, { logger: { ...silentLogger, error: (fields) => void errors.push(fields) } });
  await supervisor.startAll();
  assert.ok(await until(() => supervisor.get('a').state === 'READY'));
  await systemClock.sleep(100);
  assert.equal(pidsWith(b.directory).length, 2, 'one program and its shim');
  assert.deepEqual(errors, []);
});

test('a unit whose program lives is there from the first moment: a stop stops it, a start is refused', async () => {
  await using b = bench();
  const units = [sh('a', 'exec sleep 300'), sh('b', 'exec sleep 300')];
  const daemon = await livingDaemon(
    b,
    units.map((u) => ({ ...u, autostart: true })),
  );
  await daemon.kill();
  // Before startAll: the API answers by then.
  const { supervisor } = b.rig(units);
  assert.deepEqual(
    supervisor.list().map((p) => [p.id, p.state, p.pid]),
    [...daemon.pids].map(([id, pid]) => [id, 'READY', pid]),
  );
  await assert.rejects(supervisor.start('b', start), (error: AgentError) => error.reason === 'PROCESS_ALREADY_RUNNING');
  const stopping = supervisor.stop('a', {});
  await Promise.all([supervisor.startAll(), stopping]);
  assert.deepEqual([supervisor.get('a').state, supervisor.get('b').pid], ['STOPPED', daemon.pids.get('b')]);
  assert.equal(pidsWith(`${b.directory}\0`).filter((pid) => pid === daemon.pids.get('a')).length, 0);
});

test('a unit that is taken out of the configuration before it was adopted is stopped all the same', async () => {
  await using b = bench();
  const units = [sh('a', 'exec sleep 300', { autostart: true })];
  const daemon = await livingDaemon(b, units);
  await daemon.kill();
  const { supervisor } = b.rig(units);
  await Promise.all([supervisor.setUnits({}), supervisor.startAll()]);
  assert.deepEqual([supervisor.list(), pidsWith(b.directory)], [[], []]);
});

test('a start during a removal leaves nothing that no list shows', async () => {
  await using b = bench();
  const stubborn = sh('a', 'trap "" TERM; while :; do sleep 0.1; done', {
    stop: { signal: 'SIGTERM', graceMs: 400 },
    env: { RIG: b.directory },
  });
  const { supervisor } = b.rig([stubborn], { inline: { enabled: true, allowedBinaries: ['/bin/sleep'] } });
  await supervisor.start('a', start);
  const removal = supervisor.setUnits({});
  await assert.rejects(supervisor.start('a', start), (error: AgentError) =>
    ['PROCESS_NOT_FOUND', 'PROCESS_ALREADY_RUNNING'].includes(error.reason),
  );
  const inline = await supervisor.start('a', { ...start, command: ['/bin/sleep', '300'], env: { RIG: b.directory } });
  await removal;
  assert.ok(inline.inline);
  assert.deepEqual(
    supervisor.list().map((p) => [p.id, p.pid]),
    [['a', inline.pid]],
  );
  const sleepers = (): readonly number[] => pidsWith(b.directory).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  assert.ok(await until(() => sleepers().join() === String(inline.pid)), sleepers().join());
  assert.equal(pidsWith(b.directory).length, 2, 'the program and its shim');
});

test('a removal with the dependency on it taken back leaves the dependent alone', async () => {
  await using b = bench();
  const env = { RIG: b.directory };
  const { supervisor, story } = b.rig([sh('a', 'exec sleep 300', { env }), sh('b', 'exec sleep 300', { env, dependsOn: ['a'] })]);
  await supervisor.start('b', start);
  const { pid } = supervisor.get('b');
  await supervisor.setUnits({ b: sh('b', 'exec sleep 300', { env }) });
  assert.deepEqual([supervisor.get('b').state, supervisor.get('b').pid], ['READY', pid]);
  assert.ok(!story('b').includes('stopped'));
});

test('the shorter grace of one stop is not that of the next', async () => {
  await using b = bench();
  const script = 'trap "" TERM; : >"$RIG/up"; while :; do sleep 0.05; done';
  const { supervisor } = b.rig([sh('a', script, { stop: { signal: 'SIGTERM', graceMs: 1200 } })]);
  await supervisor.start('a', start);
  const long = supervisor.stop('a', { graceMs: 10_000 });
  const short = supervisor.stop('a', { graceMs: 700 }); // shortens the one under way; its timer outlives neither
  await supervisor.stop('a', { graceMs: 0 });
  await Promise.all([long, short]);
  rmSync(join(b.directory, 'up'), { force: true });
  await supervisor.start('a', start);
  assert.ok(await until(() => readdirSync(b.directory).includes('up')));
  const began = performance.now();
  await supervisor.stop('a', {});
  assert.ok(performance.now() - began >= 1150, `${performance.now() - began} ms`);
});

test('two inline starts of one id: the one that is answered with success runs what it asked for', async () => {
  await using b = bench();
  const { supervisor } = b.rig([], { inline: { enabled: true, allowedBinaries: ['/bin/sleep'] } });
  const env = { RIG: b.directory };
  const inline = (seconds: string): Promise<string> =>
    supervisor.start('i', { ...start, command: ['/bin/sleep', seconds], env }).then(
      (view) => view.command.join(' '),
      (error: AgentError) => error.reason,
    );
  const got = await Promise.all([inline('301'), inline('302')]);
  assert.deepEqual(got, ['/bin/sleep 301', 'PROCESS_ALREADY_RUNNING']);
  assert.ok(await until(() => readFileSync(`/proc/${supervisor.get('i').pid}/cmdline`, 'utf8') === '/bin/sleep\x00301\0'));
});

test('a listener that throws harms nobody', async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('a', 'exec sleep 300', { restart: { ...patient, baseMs: 20 } })]);
  const seen: string[] = [];
  supervisor.onChange(() => {
    throw new Error('a fault of the listener');
  });
  supervisor.onChange(({ processes }) => seen.push(...processes.map((p) => p.state)));
  await supervisor.start('a', start);
  process.kill(supervisor.get('a').pid, 'SIGKILL');
  assert.ok(await until(() => seen.includes('BACKOFF') && supervisor.get('a').state === 'READY'));
});

test('a program that is ended by hand with SIGTERM is replaced: nobody asked us to stop it', async () => {
  await using b = bench();
  const { supervisor, story } = b.rig([sh('a', 'exec sleep 300', { restart: { ...patient, policy: 'on-failure', baseMs: 20 } })]);
  for (let n = 0; n < 10; n++) {
    if (n === 0) await supervisor.start('a', start);
    const { pid } = supervisor.get('a');
    process.kill(pid, 'SIGTERM');
    const tooOften = (): boolean => n >= 4 && supervisor.get('a').state === 'CRASH_LOOP';
    const replaced = (): boolean => supervisor.get('a').state === 'READY' && supervisor.get('a').pid !== pid;
    assert.ok(await until(() => tooOften() || replaced()), `kill ${n}`);
    if (tooOften()) break;
  }
  assert.equal(supervisor.get('a').exit?.signal, 'SIGTERM');
  const told = story('a').join(' ');
  assert.match(told, /^(starting started ready exited restarting )+starting started ready exited crash_loop$/);
});

test('a dependency that becomes READY after all starts what waited for it', async () => {
  await using b = bench();
  const flag = join(b.directory, 'flag');
  const { supervisor } = b.rig([
    sh('db', `[ -e ${flag} ] && exec sleep 300; exit 1`, { cwd: '/' }),
    unit('app', { command: ['/bin/sleep', '300'], dependsOn: ['ghost'] }),
    unit('ghost', { command: [join(b.directory, 'late')] }),
  ]);
  await assert.rejects(supervisor.start('app', start), (error: AgentError) => error.reason === 'DEPENDENCY_NOT_READY');
  assert.deepEqual([supervisor.get('app').state, supervisor.get('app').reason], ['STOPPED', 'DEPENDENCY_NOT_READY']);
  writeFileSync(join(b.directory, 'late'), '#!/bin/sh\nexec sleep 300\n', { mode: 0o755 });
  await supervisor.start('ghost', start);
  assert.ok(await until(() => supervisor.get('app').state === 'READY'));
});

test('a stop is written down of what depends on it first, at once, and takes what waits for it along', async () => {
  await using b = bench();
  const { supervisor, stateDir } = b.rig([
    sh('db', 'exec sleep 300'),
    sh('app', 'exec sleep 300', { dependsOn: ['db'] }),
    sh('web', 'exec sleep 300', { dependsOn: ['app'] }),
    unit('late', { command: [join(b.directory, 'late')], dependsOn: ['db'] }),
    unit('later', { command: ['/bin/sleep', '300'], dependsOn: ['late'] }),
  ]);
  await supervisor.start('web', start);
  await assert.rejects(supervisor.start('later', start));
  assert.deepEqual([supervisor.get('later').desired, supervisor.get('later').state], ['UP', 'STOPPED']);
  const written = (id: string): bigint => {
    const { record } = runFiles(stateDir, id);
    assert.equal(readRecord(record)?.record.desired, 'DOWN', id);
    const times = Object.values(record).map((path) => statSync(path, { bigint: true }).mtimeNs);
    return times.reduce((a, b) => (a > b ? a : b));
  };
  const stopped = supervisor.stop('db', {});
  const [web, app, db] = [written('web'), written('app'), written('db')];
  assert.ok(web <= app && app <= db, `${web} ${app} ${db}`);
  await stopped;
  writeFileSync(join(b.directory, 'late'), '#!/bin/sh\nexec sleep 300\n', { mode: 0o755 });
  await supervisor.start('late', start);
  assert.deepEqual(
    supervisor.list().map((p) => `${p.id} ${p.state} ${p.desired}`),
    ['app STOPPED DOWN', 'db READY UP', 'late READY UP', 'later STOPPED DOWN', 'web STOPPED DOWN'],
  );
});

test('a unit gets 0, 1 and 2 of whatever the daemon was started with, and the umask that it is given', async () => {
  await using b = bench();
  const out = (id: string): string => join(b.directory, id);
  const script = 'exec ls -l /proc/self/fd >"$OUT"';
  const units = [
    sh('fds', script, { autostart: true, env: { OUT: out('fds') } }),
    sh('plain', 'umask >"$OUT"; exec sleep 300', { autostart: true, env: { OUT: out('plain') } }),
    sh('tight', 'umask >"$OUT"; exec sleep 300', { autostart: true, umask: 0o27, env: { OUT: out('tight') } }),
  ];
  const daemon = await livingDaemon(b, units, { inherited: 38 }); // 3 to 40
  const text = (id: string): string => readFileSync(out(id), 'utf8');
  assert.ok(await until(() => ['fds', 'plain', 'tight'].every((id) => readdirSync(b.directory).includes(id) && text(id) !== '')));
  const names = [...text('fds').matchAll(/ (\d+) -> (.*)$/gm)].map(([, fd, to]) => `${fd} ${to}`);
  assert.deepEqual(
    names.map((name) => name.split(' ')[0]),
    ['0', '1', '2', '3'],
    text('fds'),
  );
  assert.match(names[3] ?? '', /\/proc\//, "ls's own");
  assert.deepEqual([text('plain'), text('tight')], ['0022\n', '0027\n']);
  await daemon.kill();
});
