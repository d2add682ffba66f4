import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import { type Attempt, createAttempt } from './attempt.ts';
import type { ProcessContext } from './context.ts';
import { attemptError, neverRan } from './ended.ts';
import { terminalRefusal } from './judge-first.ts';
import { isUp, refusesStart, runOf, transition } from './lifecycle/transition.ts';
import type { Effect, Input, Lifecycle, Moment, Trial } from './lifecycle/types.ts';
import type { Monitor } from './monitor.ts';
import { standsAtBirth } from './monitor.ts';
import { accountRun, cleanRun, intendRun, spawnRun, terminateRun } from './operations.ts';
import { fingerprintOf } from './plan.ts';
import { catchesSignal, executableOf } from './proc.ts';
import { createRecorder } from './recorder.ts';
import { reloadRun } from './reload-run.ts';
import { restore, wantsStart } from './restore.ts';
import type { Run } from './run.ts';
import { signalProcess } from './spawner.ts';
import type { ProcessView } from './types.ts';
import { viewOf } from './view.ts';

/** Why a signal of a run fires; a reason of its own would be a DOMException with its stack each time. */
const over = new Error('the run is over, or left to the next agent');

export interface InstanceOptions {
  readonly unit: UnitSettings;
  readonly inline: boolean;
  readonly monitors: readonly Monitor[];
}

export interface Instance {
  readonly id: string;
  readonly inline: boolean;
  unit(): UnitSettings;
  view(): ProcessView;
  life(): Lifecycle;
  run(): Run | undefined;
  /** How the start that is under way, or was last, comes on. */
  attempt(): Attempt;
  /** Starts it, whatever came before; resolves when it is spawned or has failed to. Throws PROCESS_ALREADY_RUNNING, SHUTTING_DOWN. */
  start(options?: { readonly unit?: UnitSettings; readonly traceId?: string }): Promise<Attempt>;
  /** Resolves when nothing of it is left, and that it shall be down is on disk. */
  stop(graceMs?: number): Promise<void>;
  /** `traceId`: the story that its events belong to until it is READY or has failed. Resolves as `start` does. */
  restart(traceId?: string): Promise<Attempt>;
  /** See `Supervisor.reload`. */
  reload(): Promise<void>;
  /** Sends SIGHUP where the program catches it; false where it would end by it. */
  hangUp(): boolean;
  /** Settles when what the daemon before this one left is taken over or accounted for. */
  readonly resumed: Promise<void>;
  /** Whether it is to be started with the daemon: by what was last asked of it, else by its settings. */
  wantsStart(): boolean;
  /** Writes down what is wanted, before anything is done for it. */
  want(desired: 'UP' | 'DOWN'): void;
  /** What it depends on is not READY. */
  block(message: string): void;
  /** New settings; true when what runs must be started anew for them. */
  update(unit: UnitSettings): boolean;
  /** An apply begins (undefined: ends). See `Trial`. */
  setTrial(trial: Trial | undefined): void;
  /** It is being removed: nothing starts it any more. */
  leave(): void;
  isLeaving(): boolean;
  /** Ends it for good, with its record. */
  remove(): Promise<void>;
  /** The daemon ends, and this process with it; what is wanted of it stays written down. */
  shutdown(graceMs: number): Promise<void>;
  /** The daemon ends and the process goes on: nothing more is done about it. */
  release(): void;
}

/**
 * One supervised process: carries out what the machine (lifecycle/transition.ts) says. Inputs are taken one after the other,
 * each whole: the step, the record on disk, the events, the effects, then timers and monitors are brought into line with the
 * state. What takes time (a spawn, a termination) comes back as an input; the state says which one is under way, so that there
 * is never a second instance, whatever callers, timers and exits do at once.
 */
export function createInstance(context: ProcessContext, options: InstanceOptions): Instance {
  const { clock, logger } = context;
  const { inline, monitors } = options;
  const { id } = options.unit;
  let unit = options.unit;
  const before = restore(context, unit);
  const recorder = createRecorder(context, id, before);
  let { life, run, runRecord } = before;
  let attempt = createAttempt();
  let cleaning: Promise<unknown> = Promise.resolve();
  let watched = new AbortController();
  let termination: { hasten(graceMs: number): void } | undefined;
  let cancelTimer = (): void => undefined;
  const down: (() => void)[] = [];
  let closed = false;
  let leaving = false;
  let version = 0;
  const epoch = Math.trunc(clock.wallMs()).toString(36);

  const moment = (): Moment => ({
    id,
    restart: unit.restart,
    graceMs: unit.stop.graceMs,
    nowMs: clock.monotonicMs(),
    wallMs: clock.wallMs(),
    random: context.random(),
    terminalRefusal: (ended) => terminalRefusal(unit, ended),
  });
  const view = (): ProcessView =>
    viewOf(unit, { life, inline, etag: `${epoch}-${version}`, configRevision: context.configs?.revisionOf(id) ?? 0 });
  const changed = (): void => {
    version += 1;
    context.changed(view());
  };

  const inbox: Input[] = [];
  let busy = false;
  const dispatch = (input: Input): void => {
    inbox.push(input);
    if (busy) return;
    busy = true;
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      safely(() => take(next));
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
  const take = (input: Input): void => {
    if (closed) return;
    const from = life;
    const { next, effects } = transition(from, input, moment());
    life = next;
    if (effects.some((effect) => effect.do === 'spawn')) runRecord = intendRun(context, unit);
    // By now the program has surely replaced the shell that launched it.
    else if (input.kind === 'verdict' && runRecord !== undefined) runRecord = { ...runRecord, executable: executableOf(runRecord.pid) };
    recorder.commit(
      life,
      runRecord,
      effects.filter((effect) => effect.do === 'emit'),
    );
    safely(() => align(from));
    for (const effect of effects) safely(() => perform(effect));
    if (life !== from) changed();
  };

  /** Brings what can be read off the state into line with it. */
  const align = (from: Lifecycle): void => {
    if (life.phase !== from.phase || life.halted) {
      cancelTimer();
      cancelTimer = (): void => undefined;
      if (life.phase.state === 'BACKOFF' && !life.halted) {
        const waitMs = life.phase.dueMs - clock.monotonicMs();
        if (waitMs <= 0) dispatch({ kind: 'backoff-over' });
        else cancelTimer = clock.after(waitMs, () => dispatch({ kind: 'backoff-over' }));
      }
    }
    if (isUp(life.phase)) return;
    watched.abort(over);
    if (runOf(life.phase) !== undefined) return;
    run = undefined;
    if (life.phase.state !== 'BACKOFF' && from.phase !== life.phase) context.groups.remove(id);
  };

  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'emit':
        return; // told with the record
      case 'open-attempt':
        attempt = createAttempt();
        return;
      case 'reach':
        attempt.reach(effect.milestone);
        return;
      case 'fail-attempt':
        attempt.fail(attemptError(id, effect));
        return;
      case 'report-down':
        for (const resolve of down.splice(0)) resolve();
        return;
      case 'spawn':
        void spawn();
        return;
      case 'terminate':
        void end(effect.graceMs);
        return;
      case 'hasten':
        termination?.hasten(effect.graceMs);
        return;
      case 'check-config':
        void checkConfig();
        return;
    }
  };

  const spawn = async (): Promise<void> => {
    await cleaning;
    const intent = runRecord ?? intendRun(context, unit);
    const configPath = life.trial?.configPath ?? unit.configPath;
    const outcome = await spawnRun(context, { ...unit, configPath }, { intent, obstacle: recorder.failure() });
    if (!outcome.ok) return dispatch({ kind: 'spawn-failed', failure: outcome.failure, ended: outcome.ended });
    runRecord = outcome.record;
    follow(outcome.run, standsAtBirth(unit));
  };

  /** Looks after a run that was spawned just now. */
  const follow = (started: Run, stands: 'STARTING' | 'RUNNING' | 'READY'): void => {
    run = started;
    const { runId, pid, startTimeMs, startedMs } = started;
    dispatch({ kind: 'spawned', run: { runId, pid, startTimeMs, startedMs }, stands });
    void watch(started);
  };

  /** Resolves when its end is accounted for. */
  const watch = (present: Run): Promise<void> => {
    if (closed) present.release();
    monitor(present);
    return present.ended.then(
      async (end) => {
        if (closed || !isUp(life.phase)) return; // what ends it accounts for it
        watched.abort(over);
        cleaning = cleanRun(context, unit, present.tree);
        const ended = await accountRun(context, id, { run: present, end });
        dispatch({ kind: 'program-ended', runId: present.runId, ended });
      },
      () => undefined,
    ); // released
  };

  const monitor = (present: Run): void => {
    const { phase } = life;
    if (closed || !isUp(phase)) return;
    watched = new AbortController();
    const stands = phase.state === 'RUNNING' || phase.state === 'READY' ? phase.state : 'STARTING';
    const configPath = life.trial?.configPath ?? unit.configPath;
    const subject = {
      unit: { ...unit, configPath },
      run: present,
      stands,
      readyWithinMs: life.trial?.readyWithinMs,
      signal: watched.signal,
    } as const;
    const { signal } = watched;
    for (const begin of monitors) {
      begin(subject, (verdict) => {
        if (!signal.aborted) dispatch({ kind: 'verdict', runId: present.runId, verdict });
      });
    }
  };

  const end = async (graceMs: number): Promise<void> => {
    if (run === undefined) return;
    const ending = run;
    const hurry = new AbortController();
    let cancel = (): void => undefined;
    termination = {
      hasten(withinMs) {
        cancel();
        cancel = clock.after(withinMs, () => hurry.abort(over));
      },
    };
    await cleaning;
    const ended = await terminateRun(context, unit, { run: ending, graceMs, hurry: hurry.signal });
    cancel(); // a shorter grace is of this stop alone
    termination = undefined;
    dispatch({ kind: 'run-terminated', runId: ending.runId, ended });
  };

  const checkConfig = async (): Promise<void> => {
    if (unit.engine === undefined || context.checkConfig === undefined) return;
    const said = await context.checkConfig(unit, unit.configPath, new AbortController().signal);
    if (said !== undefined) dispatch({ kind: 'config-refused', message: said });
  };

  const untilDown = async (input: Input): Promise<void> => {
    await null; // never inside another step
    if (closed) return;
    const reached = new Promise<void>((resolve) => {
      down.push(resolve);
    });
    dispatch(input);
    await reached;
    await recorder.settled();
  };
  const ask = async (input: Input): Promise<Attempt> => {
    dispatch(input);
    const asked = attempt;
    await asked.spawned.catch(() => undefined);
    await recorder.settled();
    return asked;
  };
  const refuse = (): void => {
    const metadata = { process_id: id };
    if (closed || life.halted) throw new AgentError('SHUTTING_DOWN', `${id} is not started: the agent is stopping`);
    if (leaving) throw new AgentError('PROCESS_NOT_FOUND', `${id} is being removed`, { metadata });
  };

  /** Goes on where the daemon before this one was. */
  const resume = async (): Promise<void> => {
    if (before.leftover !== undefined) cleaning = cleanRun(context, unit, before.leftover);
    const { phase } = life;
    align({ ...life, phase: { state: 'STOPPED' } });
    if (run !== undefined && phase.state === 'STOPPING') return end(unit.stop.graceMs);
    if (run !== undefined) {
      const followed = watch(run);
      if (life.desired === 'DOWN') dispatch({ kind: 'stop-requested', graceMs: unit.stop.graceMs });
      if (before.lives) logger.info({ process: id, pid: run.pid }, 'a process was adopted');
      if (phase.state === 'READY') attempt.reach('ready');
      if (before.lives && runRecord !== undefined && runRecord.fingerprint !== fingerprintOf(unit)) {
        logger.info({ process: id }, 'an adopted process is started anew: its unit was changed meanwhile');
        dispatch({ kind: 'restart-requested', traceId: '' });
      }
      return before.lives ? undefined : followed;
    }
    if (phase.state === 'STARTING') return spawn();
    if (phase.state === 'STOPPING') {
      const failure = { reason: 'STOPPED', message: `${id} was stopped before it was started` };
      await cleaning;
      dispatch({ kind: 'spawn-failed', failure, ended: neverRan(clock) });
    }
  };
  const resumed = resume();

  return {
    id,
    inline,
    unit: () => unit,
    view,
    life: () => life,
    run: () => run,
    attempt: () => attempt,
    resumed,
    want: (desired) => dispatch({ kind: 'wanted', desired }),
    block: (message) => dispatch({ kind: 'blocked', message }),
    wantsStart: () => !leaving && wantsStart(life, { before: before.record, autostart: unit.autostart }),
    async start({ unit: next, traceId = '' } = {}) {
      await null; // never inside another step
      refuse();
      if (refusesStart(life)) {
        throw new AgentError('PROCESS_ALREADY_RUNNING', `${id} is running already`, { metadata: { process_id: id } });
      }
      unit = next ?? unit;
      return ask({ kind: 'start-requested', traceId });
    },
    stop: (graceMs = unit.stop.graceMs) => untilDown({ kind: 'stop-requested', graceMs }),
    async restart(traceId = '') {
      await null; // never inside another step
      refuse();
      return ask({ kind: 'restart-requested', traceId });
    },
    reload: () =>
      reloadRun({ unit, run: life.phase.state === 'STARTING' || !isUp(life.phase) ? undefined : run, clock, signal: watched.signal }),
    hangUp() {
      const program = isUp(life.phase) ? run?.tree.program : undefined;
      return program !== undefined && catchesSignal(program.pid, 'SIGHUP') && signalProcess(program, 'SIGHUP');
    },
    update(next) {
      const differs = fingerprintOf(next) !== fingerprintOf(unit);
      const watchedOtherwise =
        JSON.stringify([next.probes, next.limits.memoryBytes]) !== JSON.stringify([unit.probes, unit.limits.memoryBytes]);
      unit = next;
      if (watchedOtherwise && run !== undefined && isUp(life.phase)) {
        watched.abort(over);
        monitor(run);
      }
      changed();
      return differs && life.desired === 'UP';
    },
    setTrial: (trial) => dispatch(trial === undefined ? { kind: 'trial-ended' } : { kind: 'trial-began', trial }),
    isLeaving: () => leaving,
    leave() {
      leaving = true;
    },
    async remove() {
      leaving = true;
      await untilDown({ kind: 'stop-requested', graceMs: unit.stop.graceMs });
      close();
      recorder.remove();
    },
    async shutdown(graceMs) {
      await untilDown({ kind: 'shutdown', graceMs });
      close();
    },
    release() {
      dispatch({ kind: 'released' });
      close();
    },
  };

  function close(): void {
    closed = true;
    cancelTimer();
    watched.abort(over);
    run?.release();
    attempt.fail(new AgentError('SHUTTING_DOWN', `${id} is left as it is: the agent is stopping`));
    for (const resolve of down.splice(0)) resolve();
  }
}
