import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Attempt } from './attempt.ts';
import type { ProcessContext } from './context.ts';
import { createInterpreter } from './interpreter.ts';
import { isUp, refusesStart } from './lifecycle/transition.ts';
import type { Lifecycle, Trial } from './lifecycle/types.ts';
import type { Monitor } from './monitor.ts';
import { fingerprintOf } from './plan.ts';
import { catchesSignal } from './proc.ts';
import { reloadRun } from './reload-run.ts';
import { restore, wantsStart } from './restore.ts';
import type { Run } from './run.ts';
import { signalProcess } from './spawner.ts';
import type { ProcessView } from './types.ts';
import { viewOf } from './view.ts';

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
  stop(graceMs?: number, traceId?: string): Promise<void>;
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

/** One supervised process: what others may ask of it. */
export function createInstance(context: ProcessContext, options: InstanceOptions): Instance {
  const { clock, logger } = context;
  const { inline, monitors } = options;
  const { id } = options.unit;
  let unit = options.unit;
  let leaving = false;
  let version = 0;
  const epoch = Math.trunc(clock.wallMs()).toString(36);
  const before = restore(context, unit);
  const changed = (): void => {
    version += 1;
    context.changed(view());
  };
  const interpreter = createInterpreter(context, { id, before, monitors, unit: () => unit, changed });
  const { keeper, life, dispatch } = interpreter;
  const view = (): ProcessView =>
    viewOf(unit, { life: life(), inline, etag: `${epoch}-${version}`, configRevision: context.configs?.revisionOf(id) ?? 0 });

  const refuse = (): void => {
    if (interpreter.closed() || life().halted) throw new AgentError('SHUTTING_DOWN', `${id} is not started: the agent is stopping`);
    if (leaving) throw new AgentError('PROCESS_NOT_FOUND', `${id} is being removed`, { metadata: { process_id: id } });
  };
  const adopt = (): void => {
    if (life().desired === 'DOWN') dispatch({ kind: 'stop-requested', graceMs: unit.stop.graceMs });
    if (!before.lives) return;
    logger.info({ process: id, pid: before.run?.pid }, 'a process was adopted');
    if (life().phase.state === 'READY') interpreter.attempt().reach('ready');
    if (before.runRecord?.fingerprint === fingerprintOf(unit) || !isUp(life().phase)) return;
    logger.info({ process: id }, 'an adopted process is started anew: its unit was changed meanwhile');
    dispatch({ kind: 'restart-requested', traceId: '' });
  };

  return {
    id,
    inline,
    unit: () => unit,
    view,
    life,
    run: keeper.run,
    attempt: interpreter.attempt,
    resumed: interpreter.resume(adopt),
    want: (desired) => dispatch({ kind: 'wanted', desired }),
    block: (message) => dispatch({ kind: 'blocked', message }),
    wantsStart: () => !leaving && wantsStart(life(), { before: before.record, autostart: unit.autostart }),
    async start({ unit: next, traceId = '' } = {}) {
      await null; // never inside another step
      refuse();
      if (refusesStart(life())) {
        throw new AgentError('PROCESS_ALREADY_RUNNING', `${id} is running already`, { metadata: { process_id: id } });
      }
      unit = next ?? unit;
      return interpreter.request({ kind: 'start-requested', traceId });
    },
    stop: (graceMs = unit.stop.graceMs, traceId = '') => interpreter.requestDown({ kind: 'stop-requested', graceMs, traceId }),
    async restart(traceId = '') {
      await null; // never inside another step
      refuse();
      return interpreter.request({ kind: 'restart-requested', traceId });
    },
    reload() {
      const { phase } = life();
      const run = phase.state === 'STARTING' || !isUp(phase) ? undefined : keeper.run();
      return reloadRun({ unit, run, clock, signal: keeper.signal() });
    },
    hangUp() {
      const program = isUp(life().phase) ? keeper.run()?.tree.program : undefined;
      return program !== undefined && catchesSignal(program.pid, 'SIGHUP') && signalProcess(program, 'SIGHUP');
    },
    update(next) {
      const differs = fingerprintOf(next) !== fingerprintOf(unit);
      const watched = ({ probes, limits }: UnitSettings): string => JSON.stringify([probes, limits.memoryBytes]);
      const watchedOtherwise = watched(next) !== watched(unit);
      unit = next;
      if (watchedOtherwise) keeper.monitor();
      changed();
      return differs && life().desired === 'UP';
    },
    setTrial: (trial) => dispatch(trial === undefined ? { kind: 'trial-ended' } : { kind: 'trial-began', trial }),
    isLeaving: () => leaving,
    leave() {
      leaving = true;
    },
    async remove() {
      leaving = true;
      await interpreter.requestDown({ kind: 'stop-requested', graceMs: unit.stop.graceMs });
      interpreter.close();
      await interpreter.forget();
    },
    async shutdown(graceMs) {
      await interpreter.requestDown({ kind: 'shutdown', graceMs });
      interpreter.close();
    },
    release() {
      dispatch({ kind: 'released' });
      interpreter.close();
    },
  };
}
