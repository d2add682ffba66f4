import type { Ended, Failure } from '../ended.ts';
import { noHistory } from '../restart-policy.ts';
import { accountEnd, refuse, wentDown } from './account.ts';
import { begin } from './begin.ts';
import type { Effect, Input, Lifecycle, Moment, Phase, RunFacts, Step, Verdict, Why } from './types.ts';

/** A unit that nobody has asked anything of. */
export const untouched: Lifecycle = {
  desired: 'DOWN',
  phase: { state: 'STOPPED' },
  history: noHistory,
  restartCount: 0,
  restartsTotal: 0,
  reason: '',
  message: '',
  exit: undefined,
  lastEnd: {},
  refusal: '',
  trial: undefined,
  traceId: '',
  halted: false,
};

/** The present run; undefined when there is none (yet). */
export function runOf(phase: Phase): RunFacts | undefined {
  return 'run' in phase ? phase.run : undefined;
}

/** STARTING, RUNNING and READY: there is an instance, or will be one in a moment, so there must not be another. */
export function isUp(phase: Phase): boolean {
  return phase.state === 'STARTING' || phase.state === 'RUNNING' || phase.state === 'READY';
}

/** Whether a start is refused with PROCESS_ALREADY_RUNNING: it is up, or a restart is on its way. */
export function refusesStart({ phase, desired }: Lifecycle): boolean {
  return isUp(phase) || (phase.state === 'STOPPING' && desired === 'UP');
}

/**
 * One step of the machine: what a unit becomes by what happened to it, and what is to be done for that. Pure, and total: an
 * input that makes no sense where the unit stands (a verdict on an old run, a timer that was overtaken) changes nothing.
 */
export function transition(from: Lifecycle, input: Input, at: Moment): Step {
  switch (input.kind) {
    case 'wanted':
      return stay({ ...from, desired: input.desired });
    case 'blocked':
      return stay(from.phase.state === 'STOPPED' ? { ...from, reason: 'DEPENDENCY_NOT_READY', message: input.message } : from);
    case 'start-requested':
      return start(from, input.traceId, at);
    case 'stop-requested':
      return stop({ ...from, desired: 'DOWN', traceId: input.traceId ?? '' }, input.graceMs, at);
    case 'restart-requested':
      return restart(from, input.traceId, at);
    case 'shutdown':
      return shutDown({ ...from, halted: true }, input.graceMs, at);
    case 'released':
      return { next: { ...from, halted: true }, effects: [] };
    case 'spawned':
      return spawned(from, input);
    case 'spawn-failed':
      return spawnFailed(from, input, at);
    case 'program-ended':
      return isPresent(from.phase, input.runId) && isUp(from.phase) ? accountEnd(from, input.ended, at) : stay(from);
    case 'run-terminated':
      return isPresent(from.phase, input.runId) ? terminated(from, input.ended, at) : stay(from);
    case 'backoff-over':
      return from.phase.state === 'BACKOFF' ? startAgain(from, at) : stay(from);
    case 'verdict':
      return isPresent(from.phase, input.runId) && isUp(from.phase) ? judge(from, input.verdict, at) : stay(from);
    case 'config-refused':
      return configRefused(from, input.message, at);
    case 'trial-began':
      return { next: { ...from, trial: input.trial }, effects: [] };
    case 'trial-ended':
      return endTrial(from, at);
  }
}

function stay(from: Lifecycle): Step {
  return { next: from, effects: [] };
}

function isPresent(phase: Phase, runId: string): boolean {
  return runOf(phase)?.runId === runId;
}

/** What a request for a start, whichever, makes of the memory of the unit. */
function asked(from: Lifecycle, traceId: string): Lifecycle {
  return { ...from, desired: 'UP', history: noHistory, restartCount: 0, traceId };
}

const openAttempt: Effect = { do: 'open-attempt' };

function start(from: Lifecycle, traceId: string, at: Moment): Step {
  if (refusesStart(from)) return stay(from);
  const wanted = asked(from, traceId);
  if (from.phase.state === 'STOPPING') return { next: wanted, effects: [openAttempt] };
  const begun = begin(wanted, at);
  return { next: begun.next, effects: [openAttempt, ...begun.effects] };
}

function restart(from: Lifecycle, traceId: string, at: Moment): Step {
  const wanted = asked(from, traceId);
  const ending = isUp(from.phase) ? endRun(wanted, { graceMs: at.graceMs, why: { kind: 'requested' } }, at) : undefined;
  if (ending !== undefined) return { next: ending.next, effects: [...ending.effects, openAttempt] };
  return from.phase.state === 'STOPPING' ? restartAfter(wanted, from, at) : start(from, traceId, at);
}

/** Its run is being ended: who asked for a restart before is answered by the same new start, and what that replaces has failed. */
function restartAfter(wanted: Lifecycle, { phase, desired }: Lifecycle, at: Moment): Step {
  if (phase.state !== 'STOPPING') return stay(wanted);
  if (desired === 'UP' && phase.why.kind === 'requested') return stay(wanted);
  return { next: { ...wanted, phase: { ...phase, why: { kind: 'requested' } } }, effects: [stoppedEarly(at), openAttempt] };
}

function stop(from: Lifecycle, graceMs: number, at: Moment): Step {
  const { phase } = from;
  switch (phase.state) {
    case 'STARTING':
    case 'RUNNING':
    case 'READY':
      return endRun(from, { graceMs, why: { kind: 'requested' } }, at);
    case 'STOPPING': {
      const why: Why = { kind: 'requested' };
      const next = { ...from, phase: { ...phase, why, graceMs: Math.min(phase.graceMs, graceMs) } };
      return { next, effects: [{ do: 'hasten', graceMs }, stoppedEarly(at)] };
    }
    case 'BACKOFF':
    case 'EXITED':
    case 'CRASH_LOOP':
      return wentDown(from, undefined, at);
    case 'STOPPED':
      return { next: from, effects: [{ do: 'report-down' }] };
  }
}

/** A start that waits for the end of the run before it comes to nothing as well. */
function stoppedEarly({ id }: Pick<Moment, 'id'>): Effect {
  const failure = { reason: 'STOPPED', message: `${id} was stopped before its start was proved` };
  return { do: 'fail-attempt', failure, ended: undefined };
}

function shutDown(from: Lifecycle, graceMs: number, at: Moment): Step {
  if (isUp(from.phase)) return endRun(from, { graceMs, why: { kind: 'requested' } }, at);
  if (from.phase.state === 'STOPPING') return { next: from, effects: [{ do: 'hasten', graceMs }] };
  return { next: from, effects: [{ do: 'report-down' }] };
}

/** Ends the present run, or the one that is being spawned as soon as it is there. */
function endRun(from: Lifecycle, { graceMs, why }: { readonly graceMs: number; readonly why: Why }, { id }: Moment): Step {
  const run = runOf(from.phase);
  // A start that failed is told with the end of the run, which has its last lines.
  const effects: Effect[] = why.kind === 'failed' || from.phase.state === 'READY' ? [] : [stoppedEarly({ id })];
  if (run !== undefined) effects.push({ do: 'terminate', graceMs });
  return { next: { ...from, phase: { state: 'STOPPING', run, graceMs, why } }, effects };
}

function spawned(from: Lifecycle, input: Extract<Input, { kind: 'spawned' }>): Step {
  const { phase } = from;
  const { run } = input;
  if (runOf(phase) !== undefined) return stay(from); // no spawn was under way
  if (phase.state === 'STOPPING') {
    return { next: { ...from, phase: { ...phase, run } }, effects: [{ do: 'terminate', graceMs: phase.graceMs }] };
  }
  if (phase.state !== 'STARTING') return stay(from);
  const reached: Effect = { do: 'reach', milestone: 'spawned' };
  const next: Lifecycle = { ...from, phase: { ...phase, run } };
  if (input.stands === 'STARTING') return { next, effects: [reached] };
  const passed = startupPassed(next, input.stands === 'READY');
  return { next: passed.next, effects: [reached, ...passed.effects] };
}

function spawnFailed(from: Lifecycle, { failure, ended }: Extract<Input, { kind: 'spawn-failed' }>, at: Moment): Step {
  if (runOf(from.phase) !== undefined) return stay(from);
  if (from.phase.state === 'STARTING') return accountEnd(from, ended, at, failure);
  return from.phase.state === 'STOPPING' ? wentDown(from, undefined, at) : stay(from);
}

function terminated(from: Lifecycle, ended: Ended, at: Moment): Step {
  if (from.phase.state !== 'STOPPING') return stay(from);
  const { why } = from.phase;
  return why.kind === 'failed' ? accountEnd(from, ended, at, why.failure) : wentDown(from, ended, at);
}

function startAgain(from: Lifecycle, at: Moment): Step {
  if (from.halted || from.desired === 'DOWN') return stay(from);
  const begun = begin({ ...from, restartCount: from.restartCount + 1, restartsTotal: from.restartsTotal + 1 }, at);
  return { next: begun.next, effects: [openAttempt, ...begun.effects] };
}

function judge(from: Lifecycle, verdict: Verdict, at: Moment): Step {
  switch (verdict.kind) {
    case 'startup-passed':
      return startupPassed(from, verdict.ready);
    case 'readiness-changed':
      return readinessChanged(from, verdict.ready, verdict.message);
    case 'startup-failed':
      return fail(from, { reason: verdict.reason, message: verdict.message }, at);
    case 'liveness-failed':
      return fail(from, { reason: 'LIVENESS_PROBE', message: verdict.message }, at);
    case 'memory-exceeded':
      return fail(from, { reason: 'MEMORY_LIMIT', message: verdict.message }, at);
  }
}

function fail(from: Lifecycle, failure: Failure, at: Moment): Step {
  return endRun(from, { graceMs: at.graceMs, why: { kind: 'failed', failure } }, at);
}

function startupPassed(from: Lifecycle, ready: boolean): Step {
  const run = runOf(from.phase);
  if (from.phase.state !== 'STARTING' || run === undefined) return stay(from);
  const effects: Effect[] = [
    { do: 'emit', type: 'started', data: { pid: run.pid }, traceId: from.traceId },
    { do: 'reach', milestone: 'running' },
  ];
  const running: Lifecycle = { ...from, phase: { state: 'RUNNING', run }, refusal: '' };
  if (!ready) return { next: running, effects };
  const then = readinessChanged(running, true, '');
  return { next: then.next, effects: [...effects, ...then.effects] };
}

function readinessChanged(from: Lifecycle, ready: boolean, message: string): Step {
  const run = runOf(from.phase);
  if (run === undefined) return stay(from);
  if (ready && from.phase.state === 'RUNNING') {
    return {
      next: { ...from, phase: { state: 'READY', run }, reason: '', message, traceId: '' },
      effects: [
        { do: 'emit', type: 'ready', data: { pid: run.pid }, traceId: from.traceId },
        { do: 'reach', milestone: 'ready' },
      ],
    };
  }
  if (ready || from.phase.state === 'STARTING') return stay(from);
  return { next: { ...from, phase: { state: 'RUNNING', run }, reason: 'NOT_READY', message }, effects: [] };
}

function configRefused(from: Lifecycle, message: string, at: Moment): Step {
  if (from.phase.state === 'BACKOFF') return refuse(from, message, at);
  return from.phase.state === 'STARTING' ? stay({ ...from, refusal: message }) : stay(from);
}

/** What an end under the trial would have led to is decided now, where it still stands. */
function endTrial(from: Lifecycle, at: Moment): Step {
  const next: Lifecycle = { ...from, trial: undefined };
  if (from.phase.state !== 'EXITED' || from.phase.held === undefined || from.desired === 'DOWN') return stay(next);
  return startAgain({ ...next, phase: { state: 'EXITED', held: undefined } }, at);
}
