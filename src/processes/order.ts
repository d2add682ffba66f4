import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Attempt } from './attempt.ts';
import { dependentsOf, startOrder } from './dependencies.ts';
import type { Instance } from './instance.ts';
import { isUp } from './lifecycle/transition.ts';
import type { Roster } from './roster.ts';

export interface StartWith {
  readonly unit?: UnitSettings;
  /** The story that the start belongs to. */
  readonly traceId?: string;
}

/** Starts and stops in the order that `depends_on` asks for. */
export interface Order {
  /** Brings up what it depends on, as systemd's Requires= and After=, then itself. Throws DEPENDENCY_NOT_READY, and what a start throws. */
  start(instance: Instance, options?: StartWith): Promise<Attempt>;
  /** Brings up what it depends on. Throws DEPENDENCY_NOT_READY. */
  startDependencies(instance: Instance, traceId?: string): Promise<void>;
  /** Stops what depends on it, then itself; none of them is started again by itself. */
  stop(id: string, graceMs?: number, traceId?: string): Promise<void>;
  /** Starts many: what depends on nothing at once, the others when what they depend on has settled. A failure is logged, not thrown. */
  startAll(wanted: readonly Instance[]): Promise<void>;
}

export function createOrder(roster: Roster, logger: Logger): Order {
  const startDependencies = async (instance: Instance, traceId = ''): Promise<void> => {
    for (const id of instance.unit().dependsOn) {
      const dependency = roster.get(id);
      if (dependency === undefined || dependency.life().phase.state === 'READY') continue;
      try {
        await startDependencies(dependency, traceId);
        if (!isUp(dependency.life().phase)) await ignoreRunning(dependency.start({ traceId }));
        await dependency.attempt().ready;
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const message = `${instance.id} was not started: it depends on ${id}: ${why}`;
        instance.block(message);
        throw new AgentError('DEPENDENCY_NOT_READY', message, { metadata: { process_id: instance.id, dependency: id }, cause });
      }
    }
  };
  const start = async (instance: Instance, options: StartWith = {}): Promise<Attempt> => {
    if (instance.unit().dependsOn.length > 0) {
      instance.want('UP');
      await startDependencies(instance, options.traceId);
      if (instance.life().desired === 'DOWN') {
        throw new AgentError('START_FAILED', `${instance.id} was stopped before it was started`, { metadata: { process_id: instance.id } });
      }
    }
    return instance.start(options);
  };
  /** Also of what waits or rests. What depends on it first: a daemon that is killed in between leaves nothing up whose dependency shall be down. */
  const wantDown = (id: string): void => {
    for (const other of dependentsOf(roster.units(), id)) wantDown(other);
    const instance = roster.get(id);
    if (instance?.life().desired === 'UP') instance.want('DOWN');
  };
  const stop = async (id: string, graceMs?: number, traceId?: string): Promise<void> => {
    const dependents = dependentsOf(roster.units(), id);
    if (dependents.length > 0) wantDown(id);
    await Promise.all(dependents.filter((other) => isThere(roster.get(other))).map((other) => stop(other, undefined, traceId)));
    await roster.get(id)?.stop(graceMs, traceId);
  };
  const startQuietly = async (instance: Instance): Promise<void> => {
    try {
      await (await start(instance)).ready;
    } catch (error) {
      const reason = error instanceof AgentError ? error.reason : 'INTERNAL';
      const message = error instanceof Error ? error.message : String(error);
      if (reason !== 'PROCESS_ALREADY_RUNNING') logger.warn({ process: instance.id, reason, error: message }, 'a unit was not started');
    }
  };
  return {
    start,
    startDependencies,
    stop,
    async startAll(wanted) {
      const started = new Map<string, Promise<void>>();
      const byId = new Map(wanted.map((instance) => [instance.id, instance]));
      for (const id of startOrder(wanted.map((instance) => instance.unit()))) {
        const instance = byId.get(id);
        if (instance === undefined) continue;
        const before = instance.unit().dependsOn.flatMap((other) => started.get(other) ?? []);
        started.set(
          id,
          Promise.all(before).then(() => startQuietly(instance)),
        );
      }
      await Promise.all(started.values());
    },
  };
}

/** Something runs, or will by itself. */
function isThere(instance: Instance | undefined): boolean {
  const state = instance?.life().phase.state;
  return state !== undefined && state !== 'STOPPED' && state !== 'EXITED' && state !== 'CRASH_LOOP';
}

/** Someone else started it meanwhile: as good. */
async function ignoreRunning(start: Promise<unknown>): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (!(error instanceof AgentError && error.reason === 'PROCESS_ALREADY_RUNNING')) throw error;
  }
}
