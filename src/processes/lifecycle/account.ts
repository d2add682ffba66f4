import { codeOf, type Ended, exitRecord, type Failure, nextActionOf, reasonOf } from '../ended.ts';
import { describeEnd, succeeded } from '../exit-status.ts';
import { decideRestart, type RestartDecision, withRun } from '../restart-policy.ts';
import { endData } from '../story.ts';
import { begin } from './begin.ts';
import type { Effect, Lifecycle, Moment, Step } from './types.ts';

/** An end that nobody asked for: tells it, and does what the policy says. `failure`: why it counts as failed, where it is not its exit. */
export function accountEnd(from: Lifecycle, ended: Ended, at: Moment, failure?: Failure): Step {
  // It was to be stopped in a moment: that is done by now.
  if (from.desired === 'DOWN') return wentDown(from, ended, at);
  const outcome = { success: failure === undefined && succeeded(ended.end), upMs: ended.durationMs };
  const decision: RestartDecision =
    from.trial !== undefined
      ? { kind: 'hold' }
      : from.refusal !== '' && !outcome.success
        ? { kind: 'refused' }
        : decideRestart(at.restart, from.history, { outcome, nowMs: at.nowMs, random: at.random });
  const said = failure === undefined && decision.kind !== 'rest' && decision.kind !== 'hold' ? at.terminalRefusal(ended) : undefined;
  if (said !== undefined) return accountRefusal(from, { ended, said }, at);
  const why = failure ?? { reason: reasonOf(ended), message: `${at.id} ended with ${describeEnd(ended.end)}` };
  const nextAction = nextActionOf(decision);
  const lastEnd = endData({ ...ended, ...why, nextAction });
  // What follows from an end that nobody asked for is a story of its own: the restart, the failed starts, the crash loop.
  const traceId = from.traceId || at.traceId;
  const known: Lifecycle = {
    ...from,
    traceId,
    lastEnd,
    exit: ended.pid > 0 ? exitRecord(ended) : from.exit,
    history: withRun(at.restart, from.history, ended.durationMs),
  };
  const unproved = from.phase.state !== 'READY';
  const effects: Effect[] = [
    { do: 'emit', type: 'exited', data: lastEnd, traceId, timeMs: ended.timeMs },
    ...(unproved ? [{ do: 'fail-attempt', failure: why, ended } as const] : []),
    { do: 'report-down' },
  ];
  const rest = settle(known, { decision, ended, reason: why.reason, message: `${why.message}; ${nextAction}` }, at);
  return { next: rest.next, effects: [...effects, ...rest.effects] };
}

/** An end by which the engine says that it will not take its config: told like any end, and not tried again. */
function accountRefusal(from: Lifecycle, { ended, said }: { readonly ended: Ended; readonly said: string }, at: Moment): Step {
  return accountEnd({ ...from, refusal: said }, ended, { ...at, terminalRefusal: () => undefined });
}

interface Verdict {
  readonly decision: RestartDecision;
  readonly ended: Ended;
  readonly reason: string;
  readonly message: string;
}

function settle(from: Lifecycle, { decision, ended, reason, message }: Verdict, at: Moment): Step {
  switch (decision.kind) {
    case 'rest':
      return { next: { ...from, phase: { state: 'EXITED', held: undefined }, reason, message }, effects: [] };
    case 'hold':
      return { next: { ...from, phase: { state: 'EXITED', held: ended }, reason, message }, effects: [] };
    case 'crash-loop':
      return crashLoop(from, { reason, message, facts: { starts: decision.starts, window_ms: at.restart.windowMs } });
    case 'refused':
      return refuse(from, from.refusal, at);
    case 'restart': {
      const waitMs = Math.max(0, decision.delayMs - (at.nowMs - ended.atMs));
      const phase = { state: 'BACKOFF', dueMs: at.nowMs + waitMs, dueWallMs: at.wallMs + waitMs } as const;
      const next = { ...from, history: { ...from.history, attempts: decision.attempts }, phase, reason, message };
      const data = { delay_ms: decision.delayMs, attempt: decision.attempts, reason };
      const emit = { do: 'emit', type: 'restarting', data, traceId: from.traceId } as const;
      return { next, effects: [emit, { do: 'check-config' }] };
    }
  }
}

function crashLoop(
  from: Lifecycle,
  { reason, message, facts }: { readonly reason: string; readonly message: string; readonly facts: Readonly<Record<string, number>> },
): Step {
  const data = { ...from.lastEnd, reason, ...facts };
  return {
    next: { ...from, phase: { state: 'CRASH_LOOP' }, reason, message },
    effects: [{ do: 'emit', type: 'crash_loop', data, traceId: from.traceId }],
  };
}

/** The engine would not take the config: every further try would end the same way. */
export function refuse(from: Lifecycle, said: string, at: Moment): Step {
  const nextAction = nextActionOf({ kind: 'refused' });
  const message = `${at.id}'s engine refuses its config: ${said}; ${nextAction}`;
  const explained = { ...from, refusal: '', lastEnd: { ...from.lastEnd, message, next_action: nextAction } };
  return crashLoop(explained, { reason: 'CONFIG_REFUSED', message, facts: {} });
}

/** Nothing runs any more, as was asked; what is wanted up again (a restart) is started. */
export function wentDown(from: Lifecycle, ended: Ended | undefined, at: Moment): Step {
  const exit = ended !== undefined && ended.pid > 0 ? exitRecord(ended) : from.exit;
  const data = exit === undefined ? {} : { ...codeOf(exit), duration_ms: Math.round(exit.durationMs) };
  const next: Lifecycle = { ...from, phase: { state: 'STOPPED' }, exit, reason: 'REQUESTED', message: 'stopped by request' };
  const reports: readonly Effect[] = [{ do: 'emit', type: 'stopped', data, traceId: from.traceId }, { do: 'report-down' }];
  if (next.desired === 'DOWN' || next.halted) return { next, effects: reports };
  const begun = begin({ ...next, restartCount: 0 }, at);
  return { next: begun.next, effects: [...reports, ...begun.effects] };
}
