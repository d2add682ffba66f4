import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ended } from '../../../src/processes/ended.ts';
import { isUp, refusesStart, runOf, transition, untouched } from '../../../src/processes/lifecycle/transition.ts';
import type { Input, Lifecycle, Moment, Phase, RunFacts, Step, Why } from '../../../src/processes/lifecycle/types.ts';

const run: RunFacts = { runId: 'r1', pid: 100, startTimeMs: 1, startedMs: 0 };
const moment: Moment = {
  id: 'a',
  restart: { policy: 'always', baseMs: 1000, factor: 2, maxMs: 60_000, jitter: 0, burst: 3, windowMs: 60_000, stableAfterMs: 30_000 },
  graceMs: 15_000,
  nowMs: 100_000,
  wallMs: 1_000_000,
  random: 0,
  traceId: '',
  terminalRefusal: ({ end }) => (end.kind === 'code' && end.code === 23 ? 'unknown config id: x' : undefined),
};
const ended = (over: Partial<Ended> = {}): Ended => ({
  runId: 'r1',
  end: { kind: 'code', code: 1 },
  timeMs: 1_000_000,
  atMs: 100_000,
  durationMs: 50,
  pid: 100,
  logLines: ['last'],
  oomKilled: false,
  overLimit: false,
  configDiff: '',
  resources: undefined,
  ...over,
});
const failure = { reason: 'BINARY_NOT_FOUND', message: 'not there' };
const neverRan = ended({ runId: '', pid: 0, end: { kind: 'unknown' }, logLines: [] });
const requested: Why = { kind: 'requested' };
const sick: Why = { kind: 'failed', failure: { reason: 'LIVENESS_PROBE', message: 'no answer' } };

const phases: Readonly<Record<string, Phase>> = {
  STOPPED: { state: 'STOPPED' },
  EXITED: { state: 'EXITED', held: undefined },
  HELD: { state: 'EXITED', held: ended() },
  CRASH_LOOP: { state: 'CRASH_LOOP' },
  BACKOFF: { state: 'BACKOFF', dueMs: 101_000, dueWallMs: 1_001_000 },
  SPAWNING: { state: 'STARTING', run: undefined },
  STARTING: { state: 'STARTING', run },
  RUNNING: { state: 'RUNNING', run },
  READY: { state: 'READY', run },
  STOPPING: { state: 'STOPPING', run, graceMs: 15_000, why: requested },
  'STOPPING early': { state: 'STOPPING', run: undefined, graceMs: 300, why: requested },
  'STOPPING sick': { state: 'STOPPING', run, graceMs: 15_000, why: sick },
};
const inputs: Readonly<Record<string, Input>> = {
  want: { kind: 'wanted', desired: 'UP' },
  block: { kind: 'blocked', message: 'db is down' },
  start: { kind: 'start-requested', traceId: 't' },
  stop: { kind: 'stop-requested', graceMs: 500 },
  restart: { kind: 'restart-requested', traceId: 't' },
  shutdown: { kind: 'shutdown', graceMs: 200 },
  release: { kind: 'released' },
  spawned: { kind: 'spawned', run, stands: 'STARTING' },
  'spawned ready': { kind: 'spawned', run, stands: 'READY' },
  'spawned running': { kind: 'spawned', run, stands: 'RUNNING' },
  'spawn failed': { kind: 'spawn-failed', failure, ended: neverRan },
  ended: { kind: 'program-ended', runId: 'r1', ended: ended() },
  'ended well': { kind: 'program-ended', runId: 'r1', ended: ended({ end: { kind: 'code', code: 0 } }) },
  'old ended': { kind: 'program-ended', runId: 'r0', ended: ended({ runId: 'r0' }) },
  gone: { kind: 'run-terminated', runId: 'r1', ended: ended({ end: { kind: 'signal', signal: 'SIGTERM' } }) },
  'old gone': { kind: 'run-terminated', runId: 'r0', ended: ended() },
  timer: { kind: 'backoff-over' },
  passed: { kind: 'verdict', runId: 'r1', verdict: { kind: 'startup-passed', ready: true } },
  'passed, not ready': { kind: 'verdict', runId: 'r1', verdict: { kind: 'startup-passed', ready: false } },
  'startup failed': { kind: 'verdict', runId: 'r1', verdict: { kind: 'startup-failed', reason: 'START_TIMEOUT', message: 'late' } },
  ready: { kind: 'verdict', runId: 'r1', verdict: { kind: 'readiness-changed', ready: true, message: '' } },
  unready: { kind: 'verdict', runId: 'r1', verdict: { kind: 'readiness-changed', ready: false, message: 'busy' } },
  dead: { kind: 'verdict', runId: 'r1', verdict: { kind: 'liveness-failed', message: 'no answer' } },
  fat: { kind: 'verdict', runId: 'r1', verdict: { kind: 'memory-exceeded', message: 'too much' } },
  'old dead': { kind: 'verdict', runId: 'r0', verdict: { kind: 'liveness-failed', message: 'no answer' } },
  refused: { kind: 'config-refused', message: 'unknown field "x"' },
  trial: { kind: 'trial-began', trial: { readyWithinMs: 5000, configPath: undefined } },
  'trial over': { kind: 'trial-ended' },
};
const life = (name: string, over: Partial<Lifecycle> = {}): Lifecycle => {
  const phase = phases[name];
  assert.ok(phase, name);
  return { ...untouched, desired: name === 'STOPPED' ? 'DOWN' : 'UP', phase, ...over };
};
const told = ({ effects }: Step): string =>
  effects
    .flatMap((effect) => {
      if (effect.do === 'emit') return [effect.type];
      if (effect.do === 'reach') return [`+${effect.milestone}`];
      if (effect.do === 'terminate' || effect.do === 'hasten') return [`${effect.do} ${effect.graceMs}`];
      return [effect.do];
    })
    .join(' ');

/** from, input -> state, what is done. What is not listed changes nothing and does nothing (checked below). */
const table: readonly (readonly [from: string, input: string, state: string, done: string])[] = [
  ['STOPPED', 'start', 'STARTING', 'open-attempt starting spawn'],
  ['EXITED', 'start', 'STARTING', 'open-attempt starting spawn'],
  ['HELD', 'start', 'STARTING', 'open-attempt starting spawn'],
  ['CRASH_LOOP', 'start', 'STARTING', 'open-attempt starting spawn'],
  ['BACKOFF', 'start', 'STARTING', 'open-attempt starting spawn'],
  ['STOPPED', 'restart', 'STARTING', 'open-attempt starting spawn'],
  ['EXITED', 'restart', 'STARTING', 'open-attempt starting spawn'],
  ['HELD', 'restart', 'STARTING', 'open-attempt starting spawn'],
  ['CRASH_LOOP', 'restart', 'STARTING', 'open-attempt starting spawn'],
  ['BACKOFF', 'restart', 'STARTING', 'open-attempt starting spawn'],
  ['SPAWNING', 'restart', 'STOPPING', 'fail-attempt open-attempt'],
  ['STARTING', 'restart', 'STOPPING', 'fail-attempt terminate 15000 open-attempt'],
  ['RUNNING', 'restart', 'STOPPING', 'fail-attempt terminate 15000 open-attempt'],
  ['READY', 'restart', 'STOPPING', 'terminate 15000 open-attempt'],
  ['STOPPING', 'restart', 'STOPPING', ''],
  ['STOPPING early', 'restart', 'STOPPING', ''],
  ['STOPPING sick', 'restart', 'STOPPING', 'fail-attempt open-attempt'],
  ['STOPPED', 'stop', 'STOPPED', 'report-down'],
  ['EXITED', 'stop', 'STOPPED', 'stopped report-down'],
  ['HELD', 'stop', 'STOPPED', 'stopped report-down'],
  ['CRASH_LOOP', 'stop', 'STOPPED', 'stopped report-down'],
  ['BACKOFF', 'stop', 'STOPPED', 'stopped report-down'],
  ['SPAWNING', 'stop', 'STOPPING', 'fail-attempt'],
  ['STARTING', 'stop', 'STOPPING', 'fail-attempt terminate 500'],
  ['RUNNING', 'stop', 'STOPPING', 'fail-attempt terminate 500'],
  ['READY', 'stop', 'STOPPING', 'terminate 500'],
  ['STOPPING', 'stop', 'STOPPING', 'hasten 500 fail-attempt'],
  ['STOPPING early', 'stop', 'STOPPING', 'hasten 500 fail-attempt'],
  ['STOPPING sick', 'stop', 'STOPPING', 'hasten 500 fail-attempt'],
  ['STOPPED', 'shutdown', 'STOPPED', 'report-down'],
  ['EXITED', 'shutdown', 'EXITED', 'report-down'],
  ['HELD', 'shutdown', 'EXITED', 'report-down'],
  ['CRASH_LOOP', 'shutdown', 'CRASH_LOOP', 'report-down'],
  ['BACKOFF', 'shutdown', 'BACKOFF', 'report-down'],
  ['SPAWNING', 'shutdown', 'STOPPING', 'fail-attempt'],
  ['STARTING', 'shutdown', 'STOPPING', 'fail-attempt terminate 200'],
  ['RUNNING', 'shutdown', 'STOPPING', 'fail-attempt terminate 200'],
  ['READY', 'shutdown', 'STOPPING', 'terminate 200'],
  ['STOPPING', 'shutdown', 'STOPPING', 'hasten 200'],
  ['STOPPING early', 'shutdown', 'STOPPING', 'hasten 200'],
  ['STOPPING sick', 'shutdown', 'STOPPING', 'hasten 200'],
  ['SPAWNING', 'spawned', 'STARTING', '+spawned'],
  ['SPAWNING', 'spawned running', 'RUNNING', '+spawned started +running'],
  ['SPAWNING', 'spawned ready', 'READY', '+spawned started +running ready +ready'],
  ['STOPPING early', 'spawned', 'STOPPING', 'terminate 300'],
  ['STOPPING early', 'spawned ready', 'STOPPING', 'terminate 300'],
  ['STOPPING early', 'spawned running', 'STOPPING', 'terminate 300'],
  ['SPAWNING', 'spawn failed', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['STOPPING early', 'spawn failed', 'STARTING', 'stopped report-down starting spawn'],
  ['STARTING', 'ended', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['RUNNING', 'ended', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['READY', 'ended', 'BACKOFF', 'exited report-down restarting check-config'],
  ['STARTING', 'ended well', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['RUNNING', 'ended well', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['READY', 'ended well', 'BACKOFF', 'exited report-down restarting check-config'],
  ['STOPPING', 'gone', 'STARTING', 'stopped report-down starting spawn'],
  ['STOPPING sick', 'gone', 'BACKOFF', 'exited fail-attempt report-down restarting check-config'],
  ['BACKOFF', 'timer', 'STARTING', 'open-attempt starting spawn'],
  ['STARTING', 'passed', 'READY', 'started +running ready +ready'],
  ['STARTING', 'passed, not ready', 'RUNNING', 'started +running'],
  ['RUNNING', 'ready', 'READY', 'ready +ready'],
  ['RUNNING', 'unready', 'RUNNING', ''],
  ['READY', 'unready', 'RUNNING', ''],
  ['STARTING', 'startup failed', 'STOPPING', 'terminate 15000'],
  ['RUNNING', 'startup failed', 'STOPPING', 'terminate 15000'],
  ['READY', 'startup failed', 'STOPPING', 'terminate 15000'],
  ['STARTING', 'dead', 'STOPPING', 'terminate 15000'],
  ['RUNNING', 'dead', 'STOPPING', 'terminate 15000'],
  ['READY', 'dead', 'STOPPING', 'terminate 15000'],
  ['STARTING', 'fat', 'STOPPING', 'terminate 15000'],
  ['RUNNING', 'fat', 'STOPPING', 'terminate 15000'],
  ['READY', 'fat', 'STOPPING', 'terminate 15000'],
  ['BACKOFF', 'refused', 'CRASH_LOOP', 'crash_loop'],
  ['HELD', 'trial over', 'STARTING', 'open-attempt starting spawn'],
];

test('each input in each phase: where it leads and what is done', () => {
  const listed = new Map(table.map(([from, input, ...then]) => [`${from} × ${input}`, then]));
  assert.equal(listed.size, table.length, 'no row twice');
  for (const from of Object.keys(phases)) {
    for (const [name, input] of Object.entries(inputs)) {
      const before = life(from);
      const step = transition(before, input, moment);
      const [state, done] = listed.get(`${from} × ${name}`) ?? [before.phase.state, ''];
      assert.deepEqual([step.next.phase.state, told(step)], [state, done], `${from} × ${name}`);
    }
  }
});

test('in every corner: one program at a time, and none where none is wanted', () => {
  const corners: readonly Partial<Lifecycle>[] = [
    {},
    { desired: 'DOWN' },
    { halted: true },
    { desired: 'DOWN', halted: true },
    { trial: { readyWithinMs: 5000, configPath: '/c' } },
    { refusal: 'bad' },
    { history: { starts: [99_999, 99_999, 99_999], attempts: 9 } },
  ];
  for (const from of Object.keys(phases)) {
    for (const [name, input] of Object.entries(inputs)) {
      for (const corner of corners) {
        const before = life(from, corner);
        const { next, effects } = transition(before, input, moment);
        const what = `${from} × ${name} ${JSON.stringify(corner)}`;
        const does = (kind: string): boolean => effects.some((effect) => effect.do === kind);
        if (does('spawn')) {
          assert.equal(next.desired, 'UP', what);
          assert.ok(!before.halted && next.phase.state === 'STARTING' && runOf(next.phase) === undefined, what);
          const over = input.kind === 'run-terminated' || input.kind === 'spawn-failed';
          assert.ok(over || runOf(before.phase) === undefined, `${what}: the one before it is gone`);
          assert.ok(over || (before.phase.state !== 'STARTING' && before.phase.state !== 'STOPPING'), `${what}: no spawn is under way`);
        }
        assert.equal(does('terminate'), next.phase.state === 'STOPPING' && runOf(next.phase) !== undefined && does('terminate'), what);
        if (isUp(before.phase) && next.phase.state === 'STOPPING' && runOf(next.phase)) assert.ok(does('terminate'), what);
        if (input.kind === 'start-requested' && refusesStart(before)) assert.equal(next, before, what);
      }
    }
  }
});

test('the desired state is what was asked last; the end of the daemon does not touch it', () => {
  for (const name of Object.keys(phases)) {
    const after = (input: string, over: Partial<Lifecycle> = {}): string =>
      transition(life(name, over), inputs[input] as Input, moment).next.desired;
    assert.equal(after('stop'), 'DOWN', name);
    assert.equal(after('restart', { desired: 'DOWN' }), 'UP', name);
    if (!refusesStart(life(name, { desired: 'DOWN' }))) assert.equal(after('start', { desired: 'DOWN' }), 'UP', name);
    for (const input of ['shutdown', 'release']) assert.equal(after(input), life(name).desired, name);
  }
  const halted = transition(life('READY'), inputs['shutdown'] as Input, moment).next;
  const down = transition(halted, inputs['gone'] as Input, moment);
  assert.deepEqual([down.next.phase.state, down.next.desired, told(down)], ['STOPPED', 'UP', 'stopped report-down']);
});

test('what was to be stopped and ends by itself meanwhile is stopped, and is not started again', () => {
  const step = transition(life('READY', { desired: 'DOWN' }), inputs['ended'] as Input, moment);
  assert.deepEqual([step.next.phase.state, told(step)], ['STOPPED', 'stopped report-down']);
  assert.equal(transition(life('BACKOFF', { desired: 'DOWN' }), inputs['timer'] as Input, moment).next.phase.state, 'BACKOFF');
});

test('a failed liveness or a ceiling keeps its reason through the end and into the restart', () => {
  for (const [input, reason] of [
    ['dead', 'LIVENESS_PROBE'],
    ['fat', 'MEMORY_LIMIT'],
    ['startup failed', 'START_TIMEOUT'],
  ] as const) {
    const stopping = transition(life('READY'), inputs[input] as Input, moment).next;
    const { next, effects } = transition(stopping, inputs['gone'] as Input, moment);
    assert.deepEqual([next.phase.state, next.reason], ['BACKOFF', reason]);
    const exited = effects.find((effect) => effect.do === 'emit');
    assert.deepEqual([exited?.data['reason'], exited?.data['signal'], exited?.data['log_lines']], [reason, 'SIGTERM', ['last']]);
    // A success of the program itself would not make it one: it did not end because it wanted to.
    const onFailure = { ...moment, restart: { ...moment.restart, policy: 'on-failure' as const } };
    const well: Input = { kind: 'run-terminated', runId: 'r1', ended: ended({ end: { kind: 'code', code: 0 } }) };
    assert.equal(transition(stopping, well, onFailure).next.phase.state, 'BACKOFF');
  }
});

test('no start that somebody waits for is forgotten: a second restart is answered by the start of the first', () => {
  const down = life('STOPPING', { desired: 'DOWN' });
  assert.equal(told(transition(down, inputs['restart'] as Input, moment)), 'fail-attempt open-attempt');
  const { next } = transition(life('STOPPING sick'), inputs['restart'] as Input, moment);
  const gone = transition(next, inputs['gone'] as Input, moment);
  assert.deepEqual([gone.next.phase.state, told(gone)], ['STARTING', 'stopped report-down starting spawn']);
});

test('a stop takes a failing run over: nothing is started after it', () => {
  const { next } = transition(life('STOPPING sick'), inputs['stop'] as Input, moment);
  const down = transition(next, inputs['gone'] as Input, moment);
  assert.deepEqual([down.next.phase.state, told(down)], ['STOPPED', 'stopped report-down']);
});

test('an unready run says why; a ready one forgets it', () => {
  const { next } = transition(life('READY'), inputs['unready'] as Input, moment);
  assert.deepEqual([next.reason, next.message], ['NOT_READY', 'busy']);
  const again = transition(next, inputs['ready'] as Input, moment).next;
  assert.deepEqual([again.reason, again.message], ['', '']);
});

test('under a trial an end is the apply its own: no restart, no count; afterwards the policy counts again', () => {
  const trial = { readyWithinMs: 5000, configPath: '/new.json' };
  const step = transition(life('STARTING', { trial }), inputs['ended'] as Input, moment);
  assert.deepEqual([step.next.phase.state, told(step)], ['EXITED', 'exited fail-attempt report-down']);
  assert.match(step.next.message, /apply/);
  const over = transition(step.next, inputs['trial over'] as Input, moment);
  assert.deepEqual([over.next.phase.state, over.next.trial, over.next.restartCount], ['STARTING', undefined, 1]);
  const stopped = transition(step.next, inputs['stop'] as Input, moment).next;
  assert.equal(transition(stopped, inputs['trial over'] as Input, moment).next.phase.state, 'STOPPED');
});

test('a config that the engine refuses is a crash loop at once, with its sentence', () => {
  const { next, effects } = transition(life('BACKOFF', { lastEnd: { code: 1 } }), inputs['refused'] as Input, moment);
  assert.deepEqual([next.phase.state, next.reason], ['CRASH_LOOP', 'CONFIG_REFUSED']);
  assert.match(next.message, /unknown field "x"/);
  assert.equal(effects[0]?.do === 'emit' && effects[0].data['code'], 1);
  // The verdict may come when the next try is on its way: its end is then the last.
  const late = transition(life('SPAWNING'), inputs['refused'] as Input, moment).next;
  const spawned = transition(late, inputs['spawned'] as Input, moment).next;
  assert.equal(transition(spawned, inputs['ended'] as Input, moment).next.phase.state, 'CRASH_LOOP');
  // … but one that starts all the same was not refused after all.
  const passed = transition(spawned, inputs['passed'] as Input, moment).next;
  assert.equal(transition(passed, inputs['ended'] as Input, moment).next.phase.state, 'BACKOFF');
});

test('too many starts are a crash loop; a start by request counts from the beginning', () => {
  const history = { starts: [99_000, 99_500, 99_900], attempts: 3 };
  const { next, effects } = transition(life('READY', { history }), inputs['ended'] as Input, moment);
  assert.equal(next.phase.state, 'CRASH_LOOP');
  assert.deepEqual(
    effects.map((effect) => (effect.do === 'emit' ? effect.type : effect.do)),
    ['exited', 'report-down', 'crash_loop'],
  );
  const again = transition(next, inputs['start'] as Input, moment).next;
  assert.deepEqual([again.history, again.restartCount], [{ starts: [100_000], attempts: 0 }, 0]);
});
