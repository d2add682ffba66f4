import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { createSchedule, type Schedule } from '../../src/sboxmgr/index.ts';
import { startTimer } from '../../src/sboxmgr/schedule/timer.ts';
import type { SboxmgrSettings } from '../../src/settings/types.ts';
import { bentClock } from '../helpers/bent-clock.ts';
import { type EventRoom, eventually, metricsFake, openRoom, silentLogger } from '../helpers/event-room.ts';
import { type LogRoom, openLogRoom } from '../helpers/log-room.ts';

type Settings = SboxmgrSettings['schedule'];

const dir = mkdtempSync(join(tmpdir(), 'sboxmgr-schedule-'));
let room: EventRoom;
let logRoom: LogRoom;
before(async () => {
  room = await openRoom({ dir });
  logRoom = await openLogRoom({ redact: (text) => text.replace(/(password=)\S+/g, '$1***') });
});
after(async () => {
  await logRoom.close();
  await room[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

let scripts = 0;
/** A fake sboxctl. */
function script(text: string): string {
  const path = join(dir, `sboxctl-${scripts++}`);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

interface Made {
  readonly schedule: Schedule;
  readonly value: (key: string) => number;
  readonly newest: () => Promise<{ readonly type: string; readonly data: Readonly<Record<string, unknown>>; readonly traceId: string }>;
}

function make(
  settings: Partial<Settings>,
  options: { readonly clock?: typeof systemClock; readonly environment?: Record<string, string> } = {},
): Made {
  const { metrics, value } = metricsFake();
  const schedule = createSchedule({
    settings: {
      enabled: true,
      command: [],
      intervalMs: 3_600_000,
      cron: undefined,
      timeoutMs: 10_000,
      jitterMs: 0,
      runAtStart: false,
      ...settings,
    },
    publisher: room.journal,
    logs: logRoom.logs,
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    metrics,
    environment: { PATH: '/usr/bin:/bin', SECRET_OF_THE_DAEMON: 'x', SBOXMGR_LANG: 'de', ...options.environment },
    directory: join(dir, 'run'),
  });
  const newest: Made['newest'] = async () => {
    let found: Awaited<ReturnType<typeof room.journal.list>>['events'][number] | undefined;
    await eventually(async () => {
      const { events } = await room.journal.list({ filter: { types: ['schedule.*'] }, order: 'desc', pageSize: 10 });
      // The end of an earlier test's run may be told late.
      found = events.find(({ data }) => String(data?.['command']).startsWith(settings.command?.[0] ?? ''));
      return found !== undefined;
    });
    return { type: found?.type ?? '', data: (found?.data ?? {}) as Readonly<Record<string, unknown>>, traceId: found?.traceId ?? '' };
  };
  return { schedule, value, newest };
}

test('a run: its lines are log entries, its events are events, and how it went is told under one trace', async () => {
  const program = script(`echo 'fetching with password=hunter2'
echo '{"type":"LOG","data":{"level":"warning","message":"slow server"}}'
echo '{"event_type":"config.generated","payload":{"status":"completed"},"source":"config.generate","timestamp":"2025-01-28T10:00:00","trace_id":"abcdef12"}'
echo '{"timestamp":"x","level":"ERROR","message":"from the JSON log","component":"sboxmgr"}'
echo '{broken' >&2
echo "lang=$SBOXMGR_LANG parent=$TRACEPARENT secret=$SECRET_OF_THE_DAEMON"
printf 'no line feed'`);
  const { schedule, value, newest } = make({ command: [program, 'export'] });
  await schedule.runNow();
  const told = await newest();
  assert.equal(told.type, 'schedule.finished');
  assert.deepEqual([told.data['result'], told.data['code'], told.data['lines'], told.data['events']], ['success', 0, 7, 2]);
  assert.ok(Number(told.data['duration_ms']) >= 0);
  assert.equal(value('sboxagent_schedule_runs_total{success}'), 1);
  const ours = (await eventuallyEntries(told.traceId, 6)).entries;
  const theirs = (await eventuallyEntries('abcdef12'.padStart(32, '0'), 1)).entries;
  const entries = [...ours, ...theirs];
  assert.deepEqual([ours.length, theirs.length], [6, 1]);
  const levels = Object.fromEntries(entries.map(({ message, level }) => [message, level]));
  assert.equal(levels['fetching with password=***'], 'INFO');
  assert.equal(levels['slow server'], 'WARN');
  assert.equal(levels['from the JSON log'], 'ERROR');
  assert.ok('{broken' in levels && 'no line feed' in levels);
  assert.ok(entries.some(({ message }) => message.startsWith(`lang=de parent=00-${told.traceId}`) && message.endsWith(' secret=')));
  const underRun = await room.journal.list({ filter: { traceId: told.traceId }, order: 'asc', pageSize: 10 });
  assert.deepEqual(
    underRun.events.map(({ type }) => type),
    ['sboxmgr.log', 'schedule.finished'],
  );
  const underOwn = await room.journal.list({ filter: { traceId: '000000000000000000000000abcdef12' }, order: 'asc', pageSize: 10 });
  assert.deepEqual(
    underOwn.events.map(({ type, source }) => [type, source]),
    [['config.generated', 'config.generate']],
  );
});

async function eventuallyEntries(traceId: string, count: number): ReturnType<typeof logRoom.logs.list> {
  const read = (): ReturnType<typeof logRoom.logs.list> =>
    logRoom.logs.list({ filter: { sources: ['sboxmgr'], traceId }, order: 'asc', pageSize: 100 });
  await eventually(async () => (await read()).entries.length >= count);
  return read();
}

test("sboxmgr's own trace ids stand, the run's is kept beside them; its text log is read on either stream", async () => {
  const user = '3b241101-e2bb-4255-8caf-4136c566a962';
  const conversation = 'c0ffee00-e2bb-4255-8caf-4136c566a962';
  const program = script(`echo '19:12:58 [ERROR] (fetch) [379accd1] no answer for user ${user} of vless://${user}@example.org:443?sni=x'
echo '19:12:59 [WARNING] (parse) [379accd1] slow' >&2
echo 'Traceback (most recent call last):' >&2
echo '  File "x.py", line 1, in f' >&2
echo 'ValueError: bad' >&2
echo 'plain again' >&2
echo 'E:379accd1:export:compact words'
echo '{"timestamp":"x","level":"INFO","message":"json words","trace_id":"379accd1","user":{"id":"${user}"}}'
echo '{"type":"subscription.fetched","data":{"status":"completed","users":["${user}"],"session_id":"${conversation}"},"metadata":{"correlation_id":"379accd1"}}'
head -c 20000 /dev/zero | tr '\\0' x; echo`);
  const { schedule, newest } = make({ command: [program, 'export'] });
  await schedule.runNow();
  const run = await newest();
  const own = '379accd1'.padStart(32, '0');
  assert.deepEqual(run.data['trace_ids'], [own]);
  const { entries } = await eventuallyEntries(own, 8);
  assert.deepEqual(
    entries.map(({ level, stream, message }) => `${stream} ${level} ${message}`).sort(),
    [
      'STDERR ERROR   File "x.py", line 1, in f',
      'STDERR ERROR Traceback (most recent call last):',
      'STDERR ERROR ValueError: bad',
      'STDERR WARN slow',
      'STDOUT ERROR compact words',
      'STDOUT ERROR no answer for user *** of vless://***',
      'STDOUT INFO json words',
    ].concat(entries.filter(({ message }) => message.startsWith('{')).map(({ message }) => `STDOUT INFO ${message}`)),
  );
  for (const { fields } of entries) {
    assert.deepEqual([fields?.['run_trace_id'], fields?.['original_trace_id']], [run.traceId, '379accd1']);
  }
  const rest = (await eventuallyEntries(run.traceId, 2)).entries;
  assert.deepEqual(rest.map(({ message, truncated, level }) => [message.slice(0, 11), truncated, level]).sort(), [
    ['plain again', false, 'INFO'],
    ['xxxxxxxxxxx', true, 'INFO'],
  ]);
  const { events } = await room.journal.list({ filter: { traceId: own }, order: 'asc', pageSize: 10 });
  assert.deepEqual(
    events.map(({ type, correlationId, attributes, data }) => [type, correlationId, attributes['run_trace_id'], data]),
    [['subscription.fetched', '379accd1', run.traceId, { status: 'completed', users: ['***'], session_id: conversation }]],
  );
  const stored = JSON.stringify([entries, run.data]);
  assert.equal(stored.includes(user), false, stored);
});

test('while its runs fail the component is DEGRADED with the exit and the hint; one that succeeds ends it', async () => {
  const works = join(dir, 'works');
  const program = script(`[ -e ${works} ] || { echo "Error: No such command 'update'." >&2; exit 2; }`);
  const { schedule, newest } = make({ command: [program, 'update'] });
  assert.equal(schedule.health().status, 'HEALTHY');
  await assert.rejects(schedule.runNow());
  assert.deepEqual(schedule.health().status, 'DEGRADED');
  assert.match(schedule.health().message, /^the last run of sboxmgr failed: exit code 2; sboxctl has no such command/);
  const { sinceMs } = schedule.health();
  await assert.rejects(schedule.runNow());
  assert.match(schedule.health().message, /^the last 2 runs of sboxmgr failed: exit code 2/);
  assert.equal(schedule.health().sinceMs, sinceMs);
  writeFileSync(works, '');
  await schedule.runNow();
  assert.deepEqual([schedule.health().status, schedule.health().message], ['HEALTHY', '']);
  await eventually(async () => (await newest()).type === 'schedule.finished');
});

test('a command that sboxctl does not have gets its hint', async () => {
  const program = script('echo "Error: No such command \'update\'." >&2; exit 2');
  const { schedule, value, newest } = make({ command: [program, 'update', '--token', 'abcdefghijkl'] });
  await assert.rejects(schedule.runNow(), { reason: 'START_FAILED' });
  const { type, data } = await newest();
  assert.equal(type, 'schedule.failed');
  assert.deepEqual([data['result'], data['code']], ['failure', 2]);
  assert.match(String(data['hint']), /no such command/);
  assert.deepEqual(data['log_lines'], ["Error: No such command 'update'."]);
  assert.doesNotMatch(String(data['command']), /abcdefghijkl/);
  assert.equal(value('sboxagent_schedule_runs_total{failure}'), 1);
});

test('a program that is not there is told of', async () => {
  const { schedule, newest } = make({ command: ['sboxctl-that-is-not-there'] });
  await assert.rejects(schedule.runNow());
  assert.match(String((await newest()).data['message']), /not there/);
});

test('a run that takes too long is ended with all that it started', async () => {
  const pids = join(dir, 'pids');
  const program = script(`trap '' TERM\nsh -c 'trap "" TERM; echo $$ >>${pids}; sleep 60' &\necho $$ >>${pids}; sleep 60; wait`);
  const { schedule, value, newest } = make({ command: [program], timeoutMs: 300 });
  await assert.rejects(schedule.runNow());
  assert.equal((await newest()).data['result'], 'timeout');
  assert.equal(value('sboxagent_schedule_runs_total{timeout}'), 1);
  const gone = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return true;
    }
  };
  const all = readFileSync(pids, 'utf8').trim().split('\n').map(Number);
  assert.equal(all.length, 2);
  await eventually(() => all.every(gone));
});

test('the end of the agent ends the run', async () => {
  const program = script('sleep 60');
  const { schedule, newest } = make({ command: [program], runAtStart: true });
  schedule.start();
  await systemClock.sleep(100);
  await schedule.stop();
  assert.equal((await newest()).data['message'], 'the agent stopped');
  await assert.rejects(schedule.runNow(), { reason: 'SHUTTING_DOWN' });
});

test('runs do not overlap: who is late is skipped and counted', async () => {
  const { clock, advance } = bentClock();
  const gate = join(dir, 'gate');
  const program = script(`echo run >>${dir}/runs; while [ ! -e ${gate} ]; do sleep 0.02; done`);
  const { schedule, value } = make({ command: [program], intervalMs: 1000, runAtStart: true, timeoutMs: 3_600_000 }, { clock });
  schedule.start();
  advance(1000);
  advance(1000);
  assert.equal(value('sboxagent_schedule_runs_total{skipped}'), 2);
  const joined = schedule.runNow();
  writeFileSync(gate, '');
  await joined;
  assert.equal(value('sboxagent_schedule_runs_total{success}'), 1);
  advance(1000);
  await eventually(() => value('sboxagent_schedule_runs_total{success}') === 2);
  assert.equal(readFileSync(join(dir, 'runs'), 'utf8').trim().split('\n').length, 2);
  await schedule.stop();
  advance(10_000);
  assert.equal(value('sboxagent_schedule_runs_total{success}'), 2);
});

test('it follows its settings while it runs, and a cron line that means nothing is a component, no crash', async () => {
  const { clock, advance } = bentClock();
  const mark = join(dir, 'switched');
  const program = script(`touch ${mark}`);
  const base: Settings = {
    enabled: false,
    command: [program],
    intervalMs: 1000,
    cron: undefined,
    timeoutMs: 1e9,
    jitterMs: 0,
    runAtStart: false,
  };
  const { schedule } = make(base, { clock });
  schedule.start();
  advance(5000);
  assert.equal(schedule.enabled(), false);
  schedule.setSettings({ ...base, enabled: true, intervalMs: undefined, cron: '61 * * * *' });
  assert.equal(schedule.health().status, 'DEGRADED');
  assert.match(schedule.health().message, /61 \* \* \* \*/);
  schedule.setSettings({ ...base, enabled: true, intervalMs: undefined, cron: '0 0 30 2 *' });
  assert.match(schedule.health().message, /never comes/);
  schedule.setSettings({ ...base, enabled: true });
  assert.equal(schedule.health().status, 'HEALTHY');
  assert.equal(existsSync(mark), false);
  advance(1000);
  await eventually(() => existsSync(mark));
  await schedule.stop();
});

test('events beyond what a run may write are counted, not kept', async () => {
  const program = script(
    `i=0; while [ $i -lt 1010 ]; do echo '{"type":"sboxmgr.many","data":{}}'; i=$((i+1)); done; echo '{"type":"x","data":{"a":"\\ud800"}}'`,
  );
  const { schedule, newest } = make({ command: [program] });
  await schedule.runNow();
  const { data } = await newest();
  assert.deepEqual([data['lines'], data['events'], data['dropped_events']], [1011, 1000, 11]);
});

const line = (cron: string): Settings => ({
  enabled: true,
  command: ['x'],
  intervalMs: undefined,
  cron,
  timeoutMs: 1,
  jitterMs: 0,
  runAtStart: false,
});

test('a cron line means the wall clock, also one that is set', () => {
  const noon = new Date(2026, 5, 1, 12, 0, 0).getTime();
  const { clock, advance, setWall } = bentClock(noon);
  const times: number[] = [];
  const cancel = startTimer({
    settings: line('*/30 * * * *'),
    clock,
    random: () => 0,
    due: () => times.push((clock.wallMs() - noon) / 60_000),
  });
  for (let minute = 0; minute < 61 * 4; minute++) advance(15_000);
  assert.deepEqual(times, [30, 60]);
  setWall(noon + 24 * 3_600_000 + 29 * 60_000); // set ahead by a day: one run, not 48
  for (let i = 0; i < 8; i++) advance(15_000);
  assert.equal(times.length, 4);
  setWall(noon); // set back
  for (let i = 0; i < 31 * 4; i++) advance(15_000);
  assert.equal(times.length, 5);
  cancel();
  for (let i = 0; i < 200; i++) advance(15_000);
  assert.equal(times.length, 5);
});

test('a jitter delays each run by at most itself, and shifts no other', () => {
  const { clock, advance } = bentClock();
  const times: number[] = [];
  const delays = [0, 0.5, 0.999];
  const settings: Settings = { ...line(''), cron: undefined, intervalMs: 60_000, jitterMs: 10_000 };
  const cancel = startTimer({ settings, clock, random: () => delays.shift() ?? 0, due: () => times.push(clock.monotonicMs() / 1000) });
  for (let i = 0; i < 250; i++) advance(1000);
  assert.deepEqual(times, [60, 125, 190, 240]);
  cancel();
});

test('an interval that was slept through comes once', () => {
  const { clock, advance } = bentClock();
  let runs = 0;
  const settings: Settings = { ...line(''), cron: undefined, intervalMs: 60_000 };
  const cancel = startTimer({ settings, clock, random: () => 0, due: () => runs++ });
  advance(3_600_000);
  assert.equal(runs, 1);
  cancel();
});
