import { AgentError } from '../kernel/errors.ts';
import { newTraceId } from '../kernel/ids.ts';
import type { UnitSettings } from '../settings/types.ts';
import { type Attempt, createAttempt } from './attempt.ts';
import type { ProcessContext } from './context.ts';
import { attemptError } from './ended.ts';
import { terminalRefusal } from './judge-first.ts';
import { transition } from './lifecycle/transition.ts';
import type { Effect, Input, Lifecycle } from './lifecycle/types.ts';
import type { Monitor } from './monitor.ts';
import { createRecorder } from './recorder.ts';
import type { Restored } from './restore.ts';
import { createRunKeeper, type RunKeeper } from './run-keeper.ts';

export interface InterpreterOptions {
  readonly id: string;
  readonly before: Restored;
  readonly monitors: readonly Monitor[];
  unit(): UnitSettings;
  /** Called after a step that changed anything. */
  changed(): void;
}

/** Carries out what the machine says about one unit. */
export interface Interpreter {
  readonly keeper: RunKeeper;
  life(): Lifecycle;
  attempt(): Attempt;
  closed(): boolean;
  dispatch(input: Input): void;
  /** Goes on where the daemon before this one was; `goOn` is what becomes of a run that lives. */
  resume(goOn: () => void): Promise<void>;
  /** Hands in a request to start; resolves when the start is spawned, or has failed to, and what was asked survives a loss of power. */
  request(input: Input): Promise<Attempt>;
  /** Hands in a request to stop; resolves when nothing is left, and what was asked survives a loss of power. */
  requestDown(input: Input): Promise<void>;
  /** Nothing is done any more; those who wait are told. */
  close(): void;
  /** The unit is gone for good. */
  forget(): Promise<void>;
}

/**
 * Inputs are taken one after the other, each whole: the step (lifecycle/transition.ts), the record on disk, the events, the
 * effects; timer and monitors are brought into line with the state. What takes time (a spawn, a termination) comes back as an
 * input; the state says which one is under way, so that there is never a second instance, whatever callers, timers and exits do
 * at once.
 */
export function createInterpreter(context: ProcessContext, options: InterpreterOptions): Interpreter {
  const { clock, logger } = context;
  const { id, before, monitors, unit } = options;
  const recorder = createRecorder(context, id, before);
  let { life } = before;
  let attempt = createAttempt();
  let cancelTimer = (): void => undefined;
  let down: (() => void)[] = [];
  let closed = false;

  const inbox: Input[] = [];
  let busy = false;
  const dispatch = (input: Input): void => {
    inbox.push(input);
    if (busy) return;
    busy = true;
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      const taken = next;
      safely(() => take(taken));
    }
    busy = false;
  };
  /** A fault of ours costs what it hits, never the rest of the step, nor the daemon. */
  const safely = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      logger.error({ process: id, error }, 'a step of a process failed');
    }
  };
  const keeper = createRunKeeper(context, id, { before, monitors, unit, life: () => life, dispatch, obstacle: recorder.failure });

  const take = (input: Input): void => {
    if (closed) return;
    const from = life;
    const { next, effects } = transition(from, input, {
      id,
      restart: unit().restart,
      graceMs: unit().stop.graceMs,
      nowMs: clock.monotonicMs(),
      wallMs: clock.wallMs(),
      random: context.random(),
      traceId: newTraceId(),
      terminalRefusal: (ended) => terminalRefusal(unit(), ended),
    });
    life = next;
    if (effects.some((effect) => effect.do === 'spawn')) keeper.intend();
    else if (input.kind === 'verdict') keeper.identify();
    const events = effects.filter((effect) => effect.do === 'emit');
    recorder.commit(life, keeper.record(), events);
    safely(() => align(from));
    for (const effect of effects) safely(() => perform(effect));
    if (life !== from) options.changed();
  };

  /** Brings what can be read off the state into line with it. */
  const align = (from: Lifecycle): void => {
    keeper.align();
    if (life.phase === from.phase && !life.halted) return;
    cancelTimer();
    cancelTimer = (): void => undefined;
    const { phase } = life;
    if (phase.state === 'BACKOFF' && !life.halted) wakeAt(phase.dueMs);
    else if (keeper.run() === undefined && phase.state !== 'STARTING' && phase.state !== 'BACKOFF') context.groups.remove(id);
  };

  const wakeAt = (dueMs: number): void => {
    const waitMs = dueMs - clock.monotonicMs();
    if (waitMs <= 0) dispatch({ kind: 'backoff-over' });
    else cancelTimer = clock.after(waitMs, () => wakeAt(dueMs)); // a timer of Node may fire some milliseconds early
  };

  const reportDown = (): void => {
    const waiting = down;
    down = [];
    for (const resolve of waiting) resolve();
  };

  const perform = (effect: Effect): unknown => {
    switch (effect.do) {
      case 'emit':
        return; // told with the record
      case 'open-attempt':
        attempt = createAttempt();
        return;
      case 'reach':
        return attempt.reach(effect.milestone);
      case 'fail-attempt':
        return attempt.fail(attemptError(id, effect));
      case 'report-down':
        return reportDown();
      case 'spawn':
        return keeper.spawn();
      case 'terminate':
        return keeper.terminate(effect.graceMs);
      case 'hasten':
        return keeper.hasten(effect.graceMs);
      case 'check-config':
        return keeper.checkConfig();
    }
  };

  return {
    keeper,
    life: () => life,
    attempt: () => attempt,
    closed: () => closed,
    dispatch,
    async resume(goOn) {
      if (life.phase.state === 'BACKOFF') wakeAt(life.phase.dueMs);
      await keeper.resume(goOn);
    },
    async request(input) {
      dispatch(input);
      const asked = attempt;
      await asked.spawned.catch(() => undefined);
      await recorder.settled();
      return asked;
    },
    async requestDown(input) {
      await null; // never inside another step
      if (closed) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      down.push(resolve);
      dispatch(input);
      await promise;
      await recorder.settled();
    },
    close() {
      closed = true;
      cancelTimer();
      keeper.close();
      attempt.fail(new AgentError('SHUTTING_DOWN', `${id} is left as it is: the agent is stopping`));
      reportDown();
    },
    forget: recorder.remove,
  };
}
