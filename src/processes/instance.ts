import type { JsonObject } from '../events/types.ts';
import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import {
  codeOf,
  type Ended,
  endedSoon,
  endOf,
  endWhileAway,
  exitRecord,
  type Failure,
  neverRan,
  nextActionOf,
  reasonOf,
  startFailure,
} from './ended.ts';
import { engines } from './engines/index.ts';
import { describeEnd, type EndStatus, succeeded } from './exit-status.ts';
import { type InstanceState, initialState, isUp } from './instance-state.ts';
import { fingerprintOf, planRun } from './plan.ts';
import { catchesSignal } from './proc.ts';
import { decideRestart, noHistory, type RestartDecision, withRun, withStart } from './restart-policy.ts';
import { adoptRun, launchRun, type Run, treeOf } from './run.ts';
import { type RunRecord, removeRecord, runFiles } from './run-record.ts';
import { type RunTree, terminate } from './run-tree.ts';
import { createSerial } from './serial.ts';
import { signalProcess } from './spawner.ts';
import { proveStartup, startTimeoutMs } from './startup-proof.ts';
import { endData, type ProcessEventType, tell } from './story.ts';
import type { ProcessView } from './types.ts';
import { viewOf } from './view.ts';

/** What a main program that ended by itself left behind gets this long between the stop signal and SIGKILL. */
const leftoverGraceMs = 1000;

export interface Instance {
  readonly id: string;
  readonly inline: boolean;
  unit(): UnitSettings;
  view(): ProcessView;
  run(): Run | undefined;
  /** Starts it, whatever came before. Throws PROCESS_ALREADY_RUNNING. `ready` settles when the start is proved or has failed. */
  start(): Promise<{ readonly ready: Promise<void> }>;
  /** Settles with the start that is under way; resolves at once where it is READY. */
  whenReady(): Promise<void>;
  stop(graceMs?: number): Promise<void>;
  /** `traceId`: the story that its events belong to until it is READY or has failed. */
  restart(traceId?: string): Promise<{ readonly ready: Promise<void> }>;
  reload(): Promise<void>;
  /** Sends SIGHUP where the program catches it; false where it would end by it. */
  hangUp(): Promise<boolean>;
  /** Takes over, or accounts for, what a record of the daemon before this one tells. */
  adopt(record: RunRecord): Promise<void>;
  /** New settings; true when what runs must be started anew for them. */
  update(unit: UnitSettings): boolean;
  /** The daemon ends and the process goes on: nothing more is done about it. */
  release(): void;
}

/**
 * One supervised process: the state machine. Everything that changes it runs in one queue (`serial`), so that whatever callers,
 * timers and exits do at once, there is never a second instance; each step looks at the state as it finds it.
 */
export function createInstance(context: ProcessContext, first: UnitSettings, inline: boolean): Instance {
  const { clock, journal, logger } = context;
  const id = first.id;
  const files = runFiles(context.stateDir, id);
  const serial = createSerial();
  const s = initialState(clock.wallMs());
  let unit = first;
  let closed = false;
  let attempt = Promise.withResolvers<void>();
  let cancelTimer = (): void => undefined;
  let runAbort = new AbortController();
  let hurry = new AbortController();
  let cleaning: Promise<unknown> = Promise.resolve();
  let story = '';

  const set = (patch: Partial<InstanceState>): void => {
    Object.assign(s, patch);
    s.version += 1;
    context.changed(viewOf(unit, s, inline));
  };
  /** For what nobody waits for: a fault of ours is logged and costs this step, never the daemon. */
  const inTurn = (task: () => Promise<void> | void): void => {
    serial(task).catch((error: unknown) => logger.error({ process: id, error }, 'a step of a process failed'));
  };
  const say = (type: ProcessEventType, data: JsonObject = {}): void => tell(journal, { id, type, data, traceId: story });
  const failAttempt = (error: unknown): void => attempt.reject(error);
  const newAttempt = (): void => {
    attempt = Promise.withResolvers<void>();
    attempt.promise.catch(() => undefined); // nobody need wait for it
  };
  newAttempt();

  const begin = async (): Promise<void> => {
    await cleaning;
    newAttempt();
    s.history = withStart(unit.restart, s.history, clock.monotonicMs());
    set({ state: 'STARTING', nextStartTimeMs: undefined, reason: '', message: '' });
    say('starting');
    let run: Run;
    try {
      run = await launchRun(context, { unit, ...planRun(context, unit), restartCount: s.restartCount, fingerprint: fingerprintOf(unit) });
    } catch (error) {
      return failedStart(error);
    }
    watch(run);
    set({ run });
    if (unit.engine === undefined) proved(run);
    else prove(run);
  };

  const watch = (run: Run): void => {
    s.run = run;
    runAbort = new AbortController();
    void run.ended.then((end) => {
      const atMs = clock.monotonicMs();
      inTurn(() => onEnd(run, end, atMs));
    });
  };

  const proved = (run: Run): void => {
    if (s.run !== run || s.state !== 'STARTING') return;
    run.noteProved();
    set({ state: 'RUNNING' });
    say('started', { pid: run.pid });
    set({ state: 'READY' });
    say('ready', { pid: run.pid });
    story = '';
    attempt.resolve();
  };

  const prove = (run: Run): void => {
    if (unit.engine === undefined) return;
    const { configPath } = unit;
    const options = { engine: engines[unit.engine], configPath, pid: run.pid, collection: run.collection, clock, signal: runAbort.signal };
    proveStartup(options).then(
      (ok) => inTurn(() => (ok ? proved(run) : notProved(run))),
      () => undefined, // ended or stopped meanwhile
    );
  };

  const notProved = async (run: Run): Promise<void> => {
    if (s.run !== run || s.state !== 'STARTING' || closed) return;
    await terminate({ tree: run.tree, signal: unit.stop.signal, graceMs: unit.stop.graceMs, clock });
    const message = `${id} did not prove its start within ${startTimeoutMs / 1000} s; see its last lines`;
    await account(await endOf(clock, run, { end: await endedSoon(run, clock), atMs: clock.monotonicMs() }), {
      reason: 'START_TIMEOUT',
      message,
    });
  };

  const failedStart = (error: unknown): Promise<void> => {
    const known = error instanceof AgentError ? error : undefined;
    const code = (error as NodeJS.ErrnoException).code;
    const reason = known === undefined ? 'SPAWN_FAILED' : known.reason;
    const cause = code ?? (error instanceof Error ? error.message : String(error));
    const message = known?.message ?? `${id} was not started: ${cause}`;
    failAttempt(known ?? new AgentError('START_FAILED', message, { metadata: { process_id: id }, cause: error }));
    if (known === undefined) logger.warn({ process: id, error }, 'a process could not be spawned');
    return account(neverRan(clock), { reason, message });
  };

  const onEnd = async (run: Run, end: EndStatus, atMs: number): Promise<void> => {
    if (s.run !== run || closed || s.state === 'STOPPING') return;
    runAbort.abort();
    cleaning = clean(run.tree);
    await account(await endOf(clock, run, { end: end, atMs: atMs }));
  };

  /** Ends what the main program left behind, as systemd does with the control group; the next start waits for it. */
  const clean = async (tree: RunTree): Promise<void> => {
    const left = await terminate({ tree, signal: unit.stop.signal, graceMs: Math.min(leftoverGraceMs, unit.stop.graceMs), clock });
    if (left.length > 0) logger.error({ process: id, pids: left.map((p) => p.pid) }, 'processes of a run could not be ended');
  };

  /** Tells an end that nobody asked for, and does what the policy says. */
  const account = async (ended: Ended, failure?: Failure): Promise<void> => {
    const starting = s.state === 'STARTING';
    const outcome = { success: failure === undefined && succeeded(ended.end), upMs: ended.durationMs };
    const decision = decideRestart(unit.restart, s.history, { outcome, nowMs: clock.monotonicMs(), random: context.random() });
    s.history = withRun(unit.restart, s.history, ended.durationMs);
    const why = failure ?? { reason: reasonOf(ended), message: `${id} ended with ${describeEnd(ended.end)}` };
    const nextAction = nextActionOf(decision);
    const data = endData({ ...ended, ...why, nextAction });
    say('exited', data);
    if (ended.pid > 0) {
      removeRecord(files);
      s.exit = exitRecord(ended);
    }
    s.run = undefined;
    if (starting) failAttempt(startFailure(id, ended, why.message));
    settle(decision, ended, { reason: why.reason, message: `${why.message}; ${nextAction}`, data });
  };

  const settle = (
    decision: RestartDecision,
    ended: Ended,
    told: { reason: string; message: string; data: ReturnType<typeof endData> },
  ): void => {
    const { reason, message } = told;
    switch (decision.kind) {
      case 'rest':
        set({ state: 'EXITED', reason, message });
        return;
      case 'crash-loop': {
        set({ state: 'CRASH_LOOP', reason, message });
        say('crash_loop', { ...told.data, starts: decision.starts, window_ms: unit.restart.windowMs });
        return;
      }
      case 'restart': {
        s.history = { ...s.history, attempts: decision.attempts };
        const waitMs = Math.max(0, decision.delayMs - (clock.monotonicMs() - ended.atMs));
        set({ state: 'BACKOFF', reason, message, nextStartTimeMs: clock.wallMs() + waitMs });
        say('restarting', { delay_ms: decision.delayMs, attempt: decision.attempts, reason });
        cancelTimer = clock.after(waitMs, () => inTurn(again));
        return;
      }
    }
  };

  const again = async (): Promise<void> => {
    if (closed || s.state !== 'BACKOFF') return;
    s.restartCount += 1;
    s.restartsTotal += 1;
    await begin();
  };

  const requestStart = async (traceId = ''): Promise<{ readonly ready: Promise<void> }> => {
    story = traceId;
    if (closed) throw new AgentError('SHUTTING_DOWN', `${id} is not started: the agent is stopping`);
    cancelTimer();
    s.history = noHistory;
    s.restartCount = 0;
    s.desired = 'UP';
    await begin();
    return { ready: attempt.promise };
  };

  /** Ends the present run; the state is STOPPING meanwhile. */
  const endRun = async (run: Run, graceMs: number): Promise<void> => {
    hurry = new AbortController();
    runAbort.abort();
    failAttempt(new AgentError('START_FAILED', `${id} was stopped before its start was proved`, { metadata: { process_id: id } }));
    set({ state: 'STOPPING', nextStartTimeMs: undefined });
    const left = await terminate({ tree: run.tree, signal: unit.stop.signal, graceMs, clock, hurry: hurry.signal });
    if (left.length > 0) logger.error({ process: id, pids: left.map((p) => p.pid) }, 'processes of a run could not be ended');
    s.exit = exitRecord(await endOf(clock, run, { end: await endedSoon(run, clock), atMs: clock.monotonicMs() }));
    s.run = undefined;
    removeRecord(files);
  };

  const stopped = (): void => {
    set({ state: 'STOPPED', run: undefined, nextStartTimeMs: undefined, reason: 'REQUESTED', message: 'stopped by request' });
    say('stopped', s.exit === undefined ? {} : { ...codeOf(s.exit), duration_ms: Math.round(s.exit.durationMs) });
  };

  const requestStop = async (graceMs: number): Promise<void> => {
    cancelTimer();
    s.desired = 'DOWN';
    await cleaning;
    if (s.run !== undefined) await endRun(s.run, graceMs);
    if (s.state !== 'STOPPED') stopped();
  };

  const takeOver = (record: RunRecord): void => {
    const run = adoptRun(context, unit, record);
    s.desired = 'UP';
    s.restartCount = record.restartCount;
    watch(run);
    logger.info({ process: id, pid: run.pid }, 'a process was adopted');
    if (record.proved) {
      attempt.resolve();
      set({ state: 'READY', reason: 'ADOPTED', message: `adopted with pid ${run.pid}` });
      return;
    }
    set({ state: 'STARTING' });
    if (unit.engine === undefined) proved(run);
    else prove(run);
  };

  return {
    id,
    inline,
    unit: () => unit,
    view: () => viewOf(unit, s, inline),
    run: () => s.run,
    start: () =>
      serial(() => {
        if (isUp(s.state)) throw alreadyRunning(id);
        return requestStart();
      }),
    whenReady: () => (s.state === 'READY' ? Promise.resolve() : attempt.promise),
    stop(graceMs = unit.stop.graceMs) {
      // A stop that is under way with a longer grace is shortened.
      if (s.state === 'STOPPING') clock.after(graceMs, () => hurry.abort());
      return serial(() => requestStop(graceMs));
    },
    restart: (traceId = '') =>
      serial(async () => {
        story = traceId;
        await cleaning;
        if (s.run !== undefined) {
          await endRun(s.run, unit.stop.graceMs);
          stopped();
        }
        return requestStart(traceId);
      }),
    hangUp: () =>
      serial(() => {
        const program = s.run?.tree.program;
        return program !== undefined && catchesSignal(program.pid, 'SIGHUP') && signalProcess(program, 'SIGHUP');
      }),
    reload: () =>
      serial(() => {
        const signal = unit.engine === undefined ? undefined : engines[unit.engine].reload?.signal;
        const metadata = { process_id: id };
        if (signal === undefined) throw new AgentError('RELOAD_UNSUPPORTED', `${id} cannot reload its config in place`, { metadata });
        const program = s.run?.tree.program;
        if (s.state !== 'READY' || program === undefined || !signalProcess(program, signal)) {
          throw new AgentError('PROCESS_NOT_READY', `${id} is ${s.state}: only a READY process can reload`, { metadata });
        }
      }),
    adopt: (record) =>
      serial(async () => {
        const tree = treeOf(record);
        if (tree.program !== undefined) {
          takeOver(record);
          if (record.fingerprint === fingerprintOf(unit) || s.run === undefined) return;
          logger.info({ process: id }, 'an adopted process is started anew: its unit was changed meanwhile');
          await endRun(s.run, unit.stop.graceMs);
          stopped();
          await requestStart();
          return;
        }
        await clean(tree);
        if (record.pid === 0) {
          removeRecord(files); // the daemon ended before the program was started
          return;
        }
        s.desired = 'UP';
        s.restartCount = record.restartCount;
        await account(await endWhileAway(context, unit, record));
      }),
    update(next) {
      const differs = fingerprintOf(next) !== fingerprintOf(unit);
      unit = next;
      set({});
      return differs && s.desired === 'UP';
    },
    release() {
      closed = true;
      cancelTimer();
      runAbort.abort();
    },
  };
}

function alreadyRunning(id: string): AgentError {
  return new AgentError('PROCESS_ALREADY_RUNNING', `${id} is running already`, { metadata: { process_id: id } });
}
