import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AgentError } from '../../src/kernel/errors.ts';
import { bench, pidsWith, sh, start, unit, until } from '../fixtures/processes/rig.ts';

const reason = (wanted: string) => (error: AgentError) => {
  assert.equal(error.reason, wanted, error.message);
  return true;
};

test('a command is started, seen and stopped; each step is one event', async () => {
  await using b = bench();
  const { supervisor, story, event } = b.rig([sh('a', 'exec sleep 300')]);
  const changes: string[] = [];
  supervisor.onChange((c) => changes.push(...c.processes.map((p) => `${p.state} ${p.desired}`)));
  const up = await supervisor.start('a', start);
  assert.equal(up.state, 'READY');
  assert.ok(await until(() => readFileSync(`/proc/${up.pid}/comm`, 'utf8') === 'sleep\n'), 'the pid is the program, not its shim');
  assert.ok((await supervisor.resources('a'))?.residentMemoryBytes);
  const down = await supervisor.stop('a', {});
  assert.deepEqual([down.state, down.desired, down.pid], ['STOPPED', 'DOWN', 0]);
  assert.equal(down.exit?.signal, 'SIGTERM');
  assert.notEqual(down.etag, up.etag);
  assert.deepEqual(story('a'), ['starting', 'started', 'ready', 'stopped']);
  assert.equal(event('a', 'started')?.source, 'sboxagent');
  assert.deepEqual([...new Set(changes)], ['STARTING UP', 'READY UP', 'STOPPING DOWN', 'STOPPED DOWN']);
  assert.equal((await supervisor.stop('a', {})).state, 'STOPPED');
  assert.deepEqual(pidsWith(b.directory), []);
});

test('the program gets default signal dispositions, /dev/null, and no variable that nobody gave it', async () => {
  await using b = bench();
  const out = join(b.directory, 'out');
  const script = `{ grep SigIgn /proc/self/status; readlink /proc/$$/fd/0; tr '\\0' '\\n' </proc/$$/environ; } >${out}; exec sleep 300`;
  const environment = { PATH: process.env['PATH'], HOME: '/h', LENT: 'lent', OTHER: 'not lent' };
  const { supervisor } = b.rig([sh('a', script, { env: { OWN: 'own' }, passEnv: ['LENT'] })], { environment });
  await supervisor.start('a', start);
  assert.ok(await until(() => existsSync(out) && readFileSync(out, 'utf8').includes('SBOXAGENT_UNIT')));
  const text = readFileSync(out, 'utf8');
  assert.match(text, /SigIgn:\t0+\n/);
  assert.match(text, /\n\/dev\/null\n/);
  for (const entry of ['HOME=/h', 'LENT=lent', 'OWN=own']) assert.ok(text.includes(entry), entry);
  assert.ok(!text.includes('OTHER'));
});

test('50 concurrent starts make one process; 49 are told', async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('a', `echo x >>${b.directory}/starts; exec sleep 300`)]);
  const got = await Promise.allSettled(Array.from({ length: 50 }, () => supervisor.start('a', start)));
  const refused = got.filter((r) => r.status === 'rejected').map((r) => (r.reason as AgentError).reason);
  assert.deepEqual([refused.length, ...new Set(refused)], [49, 'PROCESS_ALREADY_RUNNING']);
  const starts = join(b.directory, 'starts');
  assert.ok(await until(() => existsSync(starts) && readFileSync(starts, 'utf8') !== ''));
  assert.equal(readFileSync(starts, 'utf8'), 'x\n');
});

test('a stubborn tree is gone within grace + 1 s, also what has a session of its own or no mark', async () => {
  await using b = bench();
  const script = `trap '' TERM; sleep 301 & sleep 302 & setsid sleep 303 & env -i RIG=${b.directory} setsid sleep 304 & while :; do sleep 0.2; done`;
  const { supervisor } = b.rig([sh('tree', script, { stop: { signal: 'SIGTERM', graceMs: 400 } })]);
  await supervisor.start('tree', start);
  assert.ok(await until(() => pidsWith(b.directory).length >= 6));
  const began = performance.now();
  const view = await supervisor.stop('tree', {});
  const tookMs = performance.now() - began;
  assert.deepEqual(pidsWith(b.directory), []);
  assert.ok(tookMs >= 350 && tookMs < 10_000, `${tookMs} ms`);
  assert.equal(view.exit?.signal, 'SIGKILL');
});

test('a kill is told as exited, restarting, starting, started, ready; the delay grows', async () => {
  await using b = bench();
  const policy = {
    policy: 'always',
    baseMs: 100,
    factor: 3,
    maxMs: 10_000,
    jitter: 0,
    burst: 5,
    windowMs: 60_000,
    stableAfterMs: 30_000,
  } as const;
  const { supervisor, story, event } = b.rig([sh('a', 'exec sleep 300', { restart: policy })]);
  await supervisor.start('a', start);
  for (const [n, delayMs] of [100, 300].entries()) {
    const { pid } = supervisor.get('a');
    const began = performance.now();
    process.kill(pid, 'SIGKILL');
    assert.ok(await until(() => supervisor.get('a').state === 'BACKOFF'));
    assert.deepEqual([supervisor.get('a').exit?.signal, supervisor.get('a').exit?.code], ['SIGKILL', undefined]);
    assert.ok(supervisor.get('a').nextStartTimeMs);
    assert.equal(supervisor.health().status, 'DEGRADED');
    assert.ok(await until(() => supervisor.get('a').state === 'READY'));
    const tookMs = performance.now() - began;
    assert.ok(tookMs >= delayMs * 0.98, `${tookMs} ms`);
    assert.equal(supervisor.get('a').restartCount, n + 1);
    assert.equal(event('a', 'restarting')?.data?.['delay_ms'], delayMs);
  }
  assert.deepEqual(story('a').slice(3, 8), ['exited', 'restarting', 'starting', 'started', 'ready']);
  assert.equal(supervisor.health().status, 'HEALTHY');
});

test('too many exits are a crash loop with its cause; a start clears it', async () => {
  await using b = bench();
  const policy = {
    policy: 'always',
    baseMs: 20,
    factor: 1,
    maxMs: 20,
    jitter: 0,
    burst: 3,
    windowMs: 30_000,
    stableAfterMs: 30_000,
  } as const;
  const { supervisor, story, event } = b.rig([sh('a', 'echo boom-out; echo boom-err >&2; exit 3', { restart: policy })]);
  await supervisor.start('a', start);
  assert.ok(await until(() => supervisor.get('a').state === 'CRASH_LOOP'));
  const told = story('a');
  assert.equal(told.filter((t) => t === 'started').length, 3);
  assert.deepEqual(told.slice(-2), ['exited', 'crash_loop']);
  const data = event('a', 'crash_loop')?.data;
  assert.equal(data?.['code'], 3);
  assert.deepEqual([...(data?.['log_lines'] as string[])].sort(), ['boom-err', 'boom-out']);
  assert.equal(data?.['config_diff'], '');
  assert.equal(supervisor.get('a').exit?.code, 3);
  await supervisor.start('a', start);
  assert.ok(await until(() => story('a').filter((t) => t === 'started').length > 3));
});

test('two restarts at once: both are answered, by one new instance', async () => {
  await using b = bench();
  const { supervisor, story } = b.rig([sh('a', 'while :; do sleep 1; done')]);
  await supervisor.start('a', start);
  const [one, two] = await Promise.all([supervisor.restart('a'), supervisor.restart('a')]);
  assert.equal(one.pid, two.pid);
  assert.equal(story('a').filter((type) => type === 'starting').length, 2);
});

test('what a process held is told with its end', async () => {
  await using b = bench();
  const { supervisor, event } = b.rig([sh('a', 'while :; do sleep 1; done')]);
  const { pid } = await supervisor.start('a', start);
  assert.ok(((await supervisor.resources('a'))?.residentMemoryBytes ?? 0) > 0);
  process.kill(pid, 'SIGKILL');
  assert.ok(await until(() => event('a', 'exited') !== undefined));
  const resources = event('a', 'exited')?.data?.['resources'] as Readonly<Record<string, number>>;
  assert.ok((resources['resident_memory_bytes'] ?? 0) > 0 && (resources['threads'] ?? 0) >= 1, JSON.stringify(resources));
});

test('on-failure leaves a success alone; 137 by exit is not a signal; no restarts nothing; stop ends a backoff', async () => {
  await using b = bench();
  const always = {
    policy: 'always',
    baseMs: 10_000,
    factor: 1,
    maxMs: 10_000,
    jitter: 0,
    burst: 5,
    windowMs: 60_000,
    stableAfterMs: 30_000,
  } as const;
  const { supervisor, event } = b.rig([
    sh('zero', 'exit 0', { restart: { ...always, policy: 'on-failure' } }),
    sh('code', 'exit 137'),
    sh('back', 'exit 1', { restart: always }),
  ]);
  await Promise.all(['zero', 'code', 'back'].map((id) => supervisor.start(id, start)));
  assert.ok(
    await until(
      () =>
        supervisor
          .list()
          .map((p) => p.state)
          .join() === 'BACKOFF,EXITED,EXITED',
    ),
  );
  assert.equal(supervisor.get('zero').exit?.code, 0);
  assert.equal(event('zero', 'exited')?.severity, 'INFO');
  assert.deepEqual([supervisor.get('code').exit?.code, supervisor.get('code').exit?.signal], [137, '']);
  assert.equal((await supervisor.stop('back', {})).state, 'STOPPED');
});

test('a program or a directory that is not there is told by name', async () => {
  await using b = bench();
  const { supervisor } = b.rig(
    [unit('ghost', { command: ['/no/such/binary'] }), sh('lost', ':', { cwd: '/no/such/place' }), unit('box', { engine: 'sing-box' })],
    { path: '/nowhere' },
  );
  await assert.rejects(supervisor.start('ghost', start), reason('BINARY_NOT_FOUND'));
  const view = supervisor.get('ghost');
  assert.deepEqual([view.state, view.reason], ['EXITED', 'BINARY_NOT_FOUND']);
  assert.match(view.message, /\/no\/such\/binary/);
  await assert.rejects(supervisor.start('lost', start), /\/no\/such\/place/);
  await assert.rejects(supervisor.start('box', start), /sing-box is not on PATH/);
  await assert.rejects(supervisor.start('nope', start), reason('PROCESS_NOT_FOUND'));
});

test('what a main program leaves behind is ended before the next run', async () => {
  await using b = bench();
  const { supervisor } = b.rig([
    sh('a', '(trap "" TERM; setsid sleep 305) & exit 1', {
      stop: { signal: 'SIGTERM', graceMs: 200 },
      restart: { ...unit('x').restart, policy: 'always', baseMs: 100, burst: 2 },
    }),
  ]);
  await supervisor.start('a', start);
  assert.ok(await until(() => supervisor.get('a').state === 'CRASH_LOOP'));
  assert.ok(await until(() => pidsWith(b.directory).length === 0));
});

test('dependencies are started first and stopped last', async () => {
  await using b = bench();
  const { supervisor, events } = b.rig([
    sh('app', 'exec sleep 300', { dependsOn: ['web'] }),
    sh('web', 'exec sleep 300', { dependsOn: ['db'] }),
    sh('db', 'exec sleep 300'),
  ]);
  await supervisor.start('app', start);
  const order = (type: string): readonly (string | undefined)[] => events.filter((e) => e.type === `process.${type}`).map((e) => e.subject);
  assert.deepEqual(order('started'), ['db', 'web', 'app']);
  await supervisor.stop('db', {});
  assert.deepEqual(order('stopped'), ['app', 'web', 'db']);
  await supervisor.start('app', start);
  await supervisor.stopAll(5000);
  assert.deepEqual(order('stopped').slice(3), ['app', 'web', 'db']);
  await assert.rejects(supervisor.start('db', start), reason('SHUTTING_DOWN'));
});

test('the inline gate', async () => {
  await using b = bench();
  const off = b.rig([]);
  await assert.rejects(off.supervisor.start('i', { ...start, command: ['/bin/sleep', '9'] }), reason('INLINE_DISABLED'));
  const { supervisor } = b.rig([sh('unit', 'exec sleep 300')], { inline: { enabled: true, allowedBinaries: ['/bin/sleep'] } });
  symlinkSync('/bin/sh', join(b.directory, 'link'));
  for (const binary of ['/bin/sh', 'sleep', '/bin/../bin/sleep', '/bin//sleep', join(b.directory, 'link'), '/bin/nothing']) {
    await assert.rejects(supervisor.start('i', { ...start, command: [binary, '9'] }), reason('BINARY_NOT_ALLOWED'), binary);
  }
  const command = ['/bin/sleep', '300', '--token', 's3cret'];
  await assert.rejects(supervisor.start('unit', { ...start, command }), reason('INVALID_REQUEST'));
  await assert.rejects(supervisor.start('i', { ...start, command, env: { 'a b': '' } }), reason('INVALID_REQUEST'));
  await assert.rejects(supervisor.start('agent', { ...start, command }), reason('INVALID_REQUEST'), "the name of the agent's own log");
  const view = await supervisor.start('i', { ...start, command: ['/bin/sleep', '300'], env: { RIG: b.directory } });
  assert.deepEqual([view.inline, view.state], [true, 'READY']);
  await assert.rejects(supervisor.start('i', { ...start, command }), reason('PROCESS_ALREADY_RUNNING'));
  assert.equal((await supervisor.stop('i', {})).state, 'STOPPED');
  assert.equal(supervisor.list().length, 2);
});

test('metrics: one state of eight is 1; figures of what runs', async () => {
  await using b = bench();
  const { supervisor, sample } = b.rig([sh('a', 'exec sleep 300'), sh('b', ':')]);
  await supervisor.start('a', start);
  const ones = sample('sboxagent_process_state')
    .filter((s) => s.value === 1)
    .map((s) => s.labels?.['state']);
  assert.deepEqual([sample('sboxagent_process_state').length, ones], [16, ['READY', 'STOPPED']]);
  assert.deepEqual(
    sample('sboxagent_process_open_fds').map((s) => s.labels),
    [{ process: 'a', engine: '' }],
  );
  assert.deepEqual(
    sample('sboxagent_process_restarts_total').map((s) => s.value),
    [0, 0],
  );
});

test('setUnits restarts what changed and leaves the rest alone', async () => {
  await using b = bench();
  const env = { RIG: b.directory };
  const [same, other, gone] = [
    sh('same', 'exec sleep 300', { env }),
    sh('other', 'exec sleep 300', { env }),
    sh('gone', 'exec sleep 300', { env }),
  ];
  const { supervisor } = b.rig([same, other, gone]);
  for (const id of ['same', 'other', 'gone']) await supervisor.start(id, start);
  const pids = new Map(supervisor.list().map((p) => [p.id, p.pid]));
  const removed: string[] = [];
  supervisor.onChange((c) => removed.push(...c.removedIds));
  const changes = await supervisor.setUnits({
    same: { ...same, stop: { signal: 'SIGTERM', graceMs: 10 } },
    other: sh('other', 'exec sleep 400', { env }),
    fresh: sh('fresh', 'exec sleep 300', { env, autostart: true }),
  });
  assert.deepEqual(changes, { added: ['fresh'], removed: ['gone'], changed: ['other', 'same'].sort().reverse() });
  assert.equal(supervisor.get('same').pid, pids.get('same'));
  assert.notEqual(supervisor.get('other').pid, pids.get('other'));
  assert.deepEqual(
    supervisor.list().map((p) => `${p.id} ${p.state}`),
    ['fresh READY', 'other READY', 'same READY'],
  );
  assert.deepEqual(removed, ['gone']);
});

test('without a descriptor left a start fails with its reason, and a stop waits; the daemon lives', async () => {
  const fixture = fileURLToPath(new URL('../fixtures/processes/out-of-descriptors.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, fixture]);
  const told = JSON.parse(stdout);
  for (const outcome of told.outcomes) assert.match(outcome, /^READY$|^START_FAILED: left\d was not started: (EMFILE|EAGAIN)/);
  assert.match(told.outcomes[0], /EMFILE/);
  assert.deepEqual([told.kept, told.stopped, told.started], ['READY', 'STOPPED', 'READY']);
});
