import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { neverRan } from './ended.ts';
import { isUp, runOf } from './lifecycle/transition.ts';
import type { Input, Lifecycle } from './lifecycle/types.ts';
import { type Monitor, type MonitoredRun, standsAtBirth } from './monitor.ts';
import { accountRun, cleanRun, intendRun, spawnRun, terminateRun } from './operations.ts';
import { executableOf } from './proc.ts';
import type { Restored } from './restore.ts';
import type { Run } from './run.ts';
import type { RunRecord } from './unit-record.ts';

/** Why a signal of a run fires; a reason of its own would be a DOMException with its stack each time. */
const over = new Error('the run is over, or left to the next agent');

export interface RunKeeperHost {
  readonly before: Restored;
  readonly monitors: readonly Monitor[];
  unit(): UnitSettings;
  life(): Lifecycle;
  dispatch(input: Input): void;
  /** Why the record of the unit could not be written last; undefined when it stands. */
  obstacle(): unknown;
}

/** The present run of a unit: starts it, looks after it, ends it. What comes of each is an input to the machine. Nothing here throws. */
export interface RunKeeper {
  run(): Run | undefined;
  /** The run as it is written down; undefined when there never was one. */
  record(): RunRecord | undefined;
  /** Fires when the present run is over, or is being ended. */
  signal(): AbortSignal;
  /** A spawn follows: makes up its run, so that it is written down before. */
  intend(): void;
  /** Looks again which program it is: by now it has surely replaced the shell that launched it. */
  identify(): void;
  spawn(): Promise<void>;
  terminate(graceMs: number): Promise<void>;
  /** Shortens the grace of the termination that is under way to at most this much from now. */
  hasten(graceMs: number): void;
  checkConfig(): Promise<void>;
  /** Begins the monitors of what runs anew. */
  monitor(): void;
  /** Stops looking after what is not up any more, and forgets what is gone. */
  align(): void;
  /** Takes over, or accounts for, what the daemon before this one left; `goOn` is what becomes of a run that lives. */
  resume(goOn: () => void): Promise<void>;
  /** Whatever runs is the next daemon's. */
  close(): void;
}

export function createRunKeeper(context: ProcessContext, id: string, host: RunKeeperHost): RunKeeper {
  const { clock } = context;
  const { before, monitors, unit, life, dispatch } = host;
  let { run, runRecord } = before;
  let cleaning: Promise<unknown> = Promise.resolve();
  let watched = new AbortController();
  let hasten: ((graceMs: number) => void) | undefined;
  let closed = false;

  const configured = (): UnitSettings => ({ ...unit(), configPath: life().trial?.configPath ?? unit().configPath });

  /** Resolves when its end is accounted for, or it was left to the next daemon. */
  const watch = async (present: Run): Promise<void> => {
    if (closed) present.release();
    monitor();
    const end = await present.ended.catch(() => undefined);
    if (end === undefined || closed || !isUp(life().phase)) return; // what ends it accounts for it
    watched.abort(over);
    cleaning = cleanRun(context, unit(), present.tree);
    const ended = await accountRun(context, id, { run: present, end });
    dispatch({ kind: 'program-ended', runId: present.runId, ended });
  };

  const monitor = (): void => {
    const { phase, trial } = life();
    if (closed || run === undefined || !isUp(phase)) return;
    watched.abort(over);
    watched = new AbortController();
    const { signal } = watched;
    const { runId } = run;
    const stands: MonitoredRun['stands'] = phase.state === 'RUNNING' || phase.state === 'READY' ? phase.state : 'STARTING';
    const subject: MonitoredRun = { unit: configured(), run, stands, readyWithinMs: trial?.readyWithinMs, signal };
    for (const begin of monitors) begin(subject, (verdict) => signal.aborted || dispatch({ kind: 'verdict', runId, verdict }));
  };

  const spawn = async (): Promise<void> => {
    await cleaning;
    const intent = runRecord ?? intendRun(context, unit());
    const outcome = await spawnRun(context, configured(), { intent, obstacle: host.obstacle() });
    if (!outcome.ok) return dispatch({ kind: 'spawn-failed', failure: outcome.failure, ended: outcome.ended });
    const { runId, pid, startTimeMs, startedMs } = outcome.run;
    run = outcome.run;
    runRecord = outcome.record;
    dispatch({ kind: 'spawned', run: { runId, pid, startTimeMs, startedMs }, stands: standsAtBirth(unit()) });
    void watch(outcome.run);
  };

  const terminate = async (graceMs: number): Promise<void> => {
    if (run === undefined) return;
    const ending = run;
    const hurry = new AbortController();
    let cancel = (): void => undefined;
    hasten = (withinMs) => {
      cancel();
      cancel = clock.after(withinMs, () => hurry.abort(over));
    };
    await cleaning;
    const ended = await terminateRun(context, unit(), { run: ending, graceMs, hurry: hurry.signal });
    cancel(); // a shorter grace is of this stop alone
    hasten = undefined;
    dispatch({ kind: 'run-terminated', runId: ending.runId, ended });
  };

  return {
    run: () => run,
    record: () => runRecord,
    signal: () => watched.signal,
    intend() {
      runRecord = intendRun(context, unit());
    },
    identify() {
      if (runRecord !== undefined) runRecord = { ...runRecord, executable: executableOf(runRecord.pid) };
    },
    spawn,
    terminate,
    hasten: (graceMs) => hasten?.(graceMs),
    async checkConfig() {
      if (unit().engine === undefined || context.checkConfig === undefined) return;
      const said = await context.checkConfig(unit(), unit().configPath, new AbortController().signal);
      if (said !== undefined) dispatch({ kind: 'config-refused', message: said });
    },
    monitor,
    align() {
      if (isUp(life().phase)) return;
      watched.abort(over);
      if (runOf(life().phase) === undefined) run = undefined;
    },
    async resume(goOn) {
      const { state } = before.life.phase; // as it was left: what has happened since is under way
      if (before.leftover !== undefined) cleaning = cleanRun(context, unit(), before.leftover);
      if (run !== undefined && state === 'STOPPING') return terminate(unit().stop.graceMs);
      if (run !== undefined) {
        const followed = watch(run);
        goOn();
        return before.lives ? undefined : followed;
      }
      if (state === 'STARTING') return spawn();
      if (state !== 'STOPPING') return;
      await cleaning;
      const failure = { reason: 'STOPPED', message: `${id} was stopped before it was started` };
      dispatch({ kind: 'spawn-failed', failure, ended: neverRan(clock) });
    },
    close() {
      closed = true;
      watched.abort(over);
      run?.release();
    },
  };
}
