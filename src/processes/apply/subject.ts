import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { untilAborted } from '../../kernel/until-aborted.ts';
import { within } from '../../kernel/within.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { Engine } from '../engines/index.ts';
import type { ProcessTrial, ProcessView, Supervisor } from '../types.ts';
import { StepFailure } from './failure.ts';

/** How an engine took up its file. */
export type TakenUp = 'reloaded' | 'restarted' | 'started';

/** The process that an apply works on, as far as it needs it. What it waits for rejects with AgentError or StepFailure. */
export interface ApplySubject {
  readonly id: string;
  /** Whether it is meant to run: then a new config must prove itself. */
  isWanted(): boolean;
  /** Whether it runs at this moment. */
  isUp(): boolean;
  beginTrial(): SubjectTrial;
}

/** While it lasts, no exit is answered by the restart policy: the apply decides what an exit means. */
export interface SubjectTrial {
  /** Makes the engine take up its file in the least disruptive way that it has. `ready` resolves when it is READY, within `apply.ready_within`. */
  takeUp(): Promise<{ readonly how: TakenUp; readonly ready: Promise<void> }>;
  /** Resolves when the new config has held for the soak; answers what was seen. */
  soak(): Promise<string>;
  end(): void;
}

export interface SubjectOptions {
  readonly supervisor: Pick<Supervisor, 'get' | 'onChange'> & {
    beginTrial(id: string, options: { readyWithinMs: number; traceId: string }): ProcessTrial;
  };
  readonly unit: UnitSettings;
  readonly engine: Engine;
  readonly traceId: string;
  readonly clock: Clock;
  /** Waits until the readiness probe succeeds with a config that was taken up in place; undefined where that is not to be looked at. */
  readonly readiness: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Looks through the proxy until that has held for the soak; undefined where the unit has no such probe. */
  readonly probe: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** Fires when the agent ends. */
  readonly stopping: AbortSignal;
}

const upStates: readonly ProcessView['state'][] = ['STARTING', 'RUNNING', 'READY'];
/** Without a probe: an engine that ends within this time after it was READY does not run with that config. */
const steadyMs = 1000;

/** The end of an engine is accounted for within this time. */
const accountMs = 3000;

/** A unit of the supervisor in the hands of an apply. */
export function createSubject(options: SubjectOptions): ApplySubject {
  const { supervisor, unit, engine, traceId, clock, readiness, probe, stopping } = options;
  const { id } = unit;
  /** undefined once it was taken out of the configuration. */
  const view = (): ProcessView | undefined => {
    try {
      return supervisor.get(id);
    } catch {
      return undefined;
    }
  };
  const isUp = (): boolean => upStates.some((state) => state === view()?.state);
  const isWanted = (): boolean => view()?.desired === 'UP';

  /** Runs `work` until it is done, the process ends, or somebody stops it. */
  const whileItRuns = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const over = new AbortController();
    const stopListening = supervisor.onChange(({ processes, removedIds }) => {
      const now = processes.find((one) => one.id === id);
      if (removedIds.includes(id) || now?.desired === 'DOWN') over.abort(interrupted(id));
      else if (now !== undefined && !upStates.includes(now.state) && now.state !== 'STOPPING') over.abort(ended(now));
    });
    try {
      if (!isWanted()) throw interrupted(id);
      const signal = AbortSignal.any([over.signal, stopping]);
      return await untilAborted(work(signal), signal);
    } finally {
      stopListening();
    }
  };

  /** An engine that ended is seen to have ended, so that the next step starts it instead of asking it for something. */
  const untilDown = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (!isUp()) resolve();
    };
    const stopListening = supervisor.onChange(check);
    check();
    await within(clock, accountMs, promise);
    stopListening();
  };

  const takeUp = async (trial: ProcessTrial): Promise<{ readonly how: TakenUp; readonly ready: Promise<void> }> => {
    if (engine.reload !== undefined && view()?.state === 'READY') {
      await trial.reload().catch(async (error: unknown) => {
        if (reasonOf(error) === 'START_FAILED') await untilDown();
        throw isWanted() ? error : interrupted(id);
      });
      return { how: 'reloaded', ready: readiness === undefined ? Promise.resolve() : awaitedLater(whileItRuns(readiness)) };
    }
    const how = isUp() ? 'restarted' : 'started';
    if (!isWanted()) throw interrupted(id);
    const ready = trial.restart().then(
      () => undefined,
      (error: unknown) => Promise.reject(isWanted() ? error : interrupted(id)),
    );
    return { how, ready: awaitedLater(ready) };
  };

  return {
    id,
    isWanted,
    isUp,
    beginTrial() {
      const trial = supervisor.beginTrial(id, { readyWithinMs: unit.apply.readyWithinMs, traceId });
      return {
        takeUp: () => takeUp(trial),
        soak: () =>
          whileItRuns(async (signal) => {
            if (probe !== undefined) return probe(signal);
            await clock.sleep(steadyMs, signal);
            return 'the engine runs on; no request went through it, since the unit has no proxy probe';
          }),
        end: () => trial.end(),
      };
    },
  };
}

/** Whoever has an engine take up its config waits for it to be ready a step later: until then a rejection is nobody's. */
function awaitedLater(ready: Promise<void>): Promise<void> {
  ready.catch(() => undefined);
  return ready;
}

function reasonOf(error: unknown): string {
  return error instanceof AgentError ? error.reason : '';
}

function interrupted(id: string): AgentError {
  return new AgentError('APPLY_INTERRUPTED', `${id} was stopped or taken out meanwhile`, { metadata: { process_id: id } });
}

function ended({ message }: ProcessView): StepFailure {
  return new StepFailure('START_FAILED', message);
}
