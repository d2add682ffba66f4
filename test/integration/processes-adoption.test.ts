import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRecord, writeRecord } from '../../src/processes/record-file.ts';
import { runFiles } from '../../src/processes/unit-record.ts';
import { underKilledDaemon } from '../fixtures/processes/killed-daemon.ts';
import { bench, pidsWith, sh, start, unit, until } from '../fixtures/processes/rig.ts';

test('what runs is adopted without an event, its later exit is told with its status, and it can be stopped', async () => {
  await using b = bench();
  const always = { ...unit('x').restart, policy: 'always' } as const;
  const units = [sh('keep', 'exec sleep 300', { onAgentExit: 'keep', restart: always }), sh('plain', 'exec sleep 300')];
  const pids = await underKilledDaemon(b, units);
  const { supervisor, events, event, story } = b.rig(units.map((u) => ({ ...u, autostart: true })));
  await supervisor.startAll();
  assert.deepEqual(
    supervisor.list().map((p) => [p.id, p.state, p.pid, p.desired]),
    [
      ['keep', 'READY', pids.get('keep'), 'UP'],
      ['plain', 'READY', pids.get('plain'), 'UP'],
    ],
  );
  assert.deepEqual(events, []);
  await assert.rejects(supervisor.start('keep', start), /running already/);
  process.kill(pids.get('keep') ?? 0, 'SIGSEGV');
  assert.ok(await until(() => story('keep').includes('ready')));
  assert.deepEqual(story('keep'), ['exited', 'restarting', 'starting', 'started', 'ready']);
  assert.equal(event('keep', 'exited')?.data?.['signal'], 'SIGSEGV');
  assert.equal((await supervisor.stop('plain', {})).state, 'STOPPED');
  assert.equal(pidsWith(`${b.directory}\0`).length, 2, 'one program and its shim');
});

test('an exit while there was no daemon is told once, with its status and last lines; then the policy decides', async () => {
  await using b = bench();
  const units = [sh('a', 'sleep 4; echo last-words; exit 7', { restart: { ...unit('x').restart, policy: 'on-failure', baseMs: 60_000 } })];
  await underKilledDaemon(b, units);
  assert.ok(await until(() => pidsWith(b.directory).length === 0));
  const { supervisor, story, event } = b.rig(units);
  await supervisor.startAll();
  assert.deepEqual(story('a'), ['exited', 'restarting']);
  const data = event('a', 'exited')?.data;
  assert.equal(data?.['code'], 7);
  assert.deepEqual(data?.['log_lines'], ['last-words']);
  assert.ok(Number(data?.['duration_ms']) > 300 && Number(data?.['duration_ms']) < 30_000, String(data?.['duration_ms']));
  assert.equal(supervisor.get('a').state, 'BACKOFF');
  const time = event('a', 'exited')?.time;
  assert.equal(
    (time?.seconds ?? 0) * 1000 + Math.trunc((time?.nanos ?? 0) / 1e6),
    Math.trunc(supervisor.get('a').exit?.timeMs ?? 0),
    'the event has the time of the exit',
  );
});

test('a run whose unit is gone is stopped', async () => {
  await using b = bench();
  await underKilledDaemon(b, [sh('old', 'exec sleep 300')]);
  const { supervisor, story } = b.rig([]);
  await supervisor.startAll();
  assert.ok(await until(() => story('old').includes('stopped')));
  assert.deepEqual(pidsWith(b.directory), []);
});

test('a pid that is now a stranger is never signalled', async () => {
  await using b = bench();
  const units = [sh('a', 'exec sleep 300')];
  await underKilledDaemon(b, units);
  for (const pid of pidsWith(b.directory)) process.kill(pid, 'SIGKILL');
  const stranger = spawn('sleep', ['300']);
  const files = runFiles(join(b.directory, 'state'), 'a').record;
  const stored = readRecord(files);
  assert.ok(stored?.record.run);
  const { record } = stored;
  const run = stored.record.run;
  const startTicks = Number(/\) (.*)/.exec(readFileSync(`/proc/${stranger.pid}/stat`, 'latin1'))?.[1]?.split(' ')[19]);
  try {
    // The pid recurred; then even the start time, but neither the executable nor the mark.
    const { pid = 0 } = stranger;
    for (const [n, forged] of [{ pid }, { pid, startTicks, executable: '/bin/other' }].entries()) {
      const sequence = 1000 * (n + 1);
      writeRecord(files, { sequence, record: { ...record, run: { ...run, leaderPid: pid, leaderStartTicks: 1, ...forged } } });
      const { supervisor, story } = b.rig(units);
      await supervisor.startAll();
      assert.deepEqual(story('a'), ['exited']);
      assert.equal((await supervisor.stop('a', {})).state, 'STOPPED');
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    }
  } finally {
    stranger.kill('SIGKILL');
  }
});

test("the daemon's stop leaves what it keeps, and the next one adopts it", async () => {
  await using b = bench();
  const units = [sh('keep', 'exec sleep 300', { onAgentExit: 'keep', autostart: true }), sh('stop', 'exec sleep 300', { autostart: true })];
  const first = b.rig(units);
  await first.supervisor.startAll();
  const { pid } = first.supervisor.get('keep');
  await first.supervisor.stopAll(3000);
  assert.equal(first.supervisor.get('stop').state, 'STOPPED');
  const second = b.rig(units.slice(0, 1));
  await second.supervisor.startAll();
  assert.deepEqual([second.supervisor.get('keep').pid, second.events.length], [pid, 0]);
});

test('what an agent before 0.1.0 left is adopted, and never started a second time', async () => {
  await using b = bench();
  const units = [sh('keep', 'exec sleep 300', { onAgentExit: 'keep', autostart: true }), sh('gone', 'exec sleep 300')];
  const pids = await underKilledDaemon(b, units);
  for (const { id } of units) {
    const files = runFiles(join(b.directory, 'state'), id);
    const run = readRecord(files.record)?.record.run;
    assert.ok(run !== undefined);
    const { group: _group, ...rest } = run;
    writeFileSync(
      join(files.directory, 'run.json'),
      JSON.stringify({ version: 1, ...rest, fingerprint: 'of old', proved: true, restartCount: 2 }),
    );
    for (const path of Object.values(files.record)) rmSync(path, { force: true });
  }
  const { supervisor, story } = b.rig(units.slice(0, 1));
  await supervisor.startAll();
  const { state, pid, restartCount } = supervisor.get('keep');
  assert.deepEqual([state, pid, restartCount], ['READY', pids.get('keep'), 2]);
  assert.deepEqual(story('keep'), []);
  assert.ok(await until(() => story('gone').includes('stopped')), 'one that nobody declares any more is ended');
  assert.equal(pidsWith(`${b.directory}\0`).length, 2, 'one program and its shim');
});
