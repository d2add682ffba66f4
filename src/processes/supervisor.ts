import type { Journal } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, invalid } from '../kernel/errors.ts';
import type { Logs } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import type { ProcessContext } from './context.ts';
import { dependentsOf, startOrder } from './dependencies.ts';
import { createHealth } from './health.ts';
import { type InlineSettings, inlineUnit, judgeInline, maxInline } from './inline-gate.ts';
import { createInstance, type Instance } from './instance.ts';
import { isUp } from './instance-state.ts';
import { registerInstruments } from './instruments.ts';
import { createResourceReader } from './resources.ts';
import { treeOf } from './run.ts';
import { readRecord, recordedIds, removeRecord, runFiles } from './run-record.ts';
import { terminate } from './run-tree.ts';
import { tell } from './story.ts';
import type { ProcessChange, ProcessView, StartOptions, Supervisor } from './types.ts';

export interface SupervisorOptions {
  readonly units: Readonly<Record<string, UnitSettings>>;
  readonly inline: InlineSettings;
  readonly stateDir: string;
  /** The daemon's PATH, where engines are found by name. */
  readonly path: string;
  /** The daemon's environment: the source of the few names that children get, and of `pass_env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly journal: Pick<Journal, 'emit'>;
  readonly logs: Pick<Logs, 'collect'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** For the jitter; 0 to 1. Default: Math.random. */
  readonly random?: () => number;
}

export interface UnitChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface ProcessSupervisor extends Supervisor {
  /** Adopts what runs from before, then starts what is to be started, dependencies first. A start that fails is told, not thrown. */
  startAll(): Promise<void>;
  /**
   * Stops what does not outlive the daemon, dependents first; what has not ended when `deadlineMs` is over is killed. Processes
   * with `on_agent_exit: keep` are left running. Nothing is started afterwards. Idempotent.
   */
  stopAll(deadlineMs: number): Promise<void>;
  /** Live reload: what did not change keeps running, a running unit whose program would be started differently is restarted. */
  setUnits(units: Readonly<Record<string, UnitSettings>>, inline?: InlineSettings): Promise<UnitChanges>;
}

/** A run that nobody declares any more gets this long to end. */
const undeclaredGraceMs = 5000;
/** What stopAll keeps back of its deadline for SIGKILL. */
const killReserveMs = 1500;

export function createSupervisor(options: SupervisorOptions): ProcessSupervisor {
  const { clock, logger, stateDir, journal } = options;
  const instances = new Map<string, Instance>();
  const listeners = new Set<(change: ProcessChange) => void>();
  const health = createHealth(clock);
  const resources = createResourceReader(clock);
  let inline = options.inline;
  let closing: Promise<void> | undefined;
  let undeclared: Promise<unknown> = Promise.resolve();

  const notify = (change: ProcessChange): void => {
    health.update(list());
    for (const fn of listeners) fn(change);
  };
  const context: ProcessContext = {
    ...options,
    random: options.random ?? Math.random,
    // An instance that was replaced or removed has nothing to tell any more.
    changed: (view) => instances.has(view.id) && notify({ processes: [view], removedIds: [] }),
  };
  const add = (unit: UnitSettings, isInline: boolean): Instance => {
    const instance = createInstance(context, unit, isInline);
    instances.set(unit.id, instance);
    return instance;
  };
  const list = (): readonly ProcessView[] => [...instances.values()].map((i) => i.view()).sort((a, b) => (a.id < b.id ? -1 : 1));
  const find = (id: string): Instance => {
    const instance = instances.get(id);
    if (instance === undefined) throw new AgentError('PROCESS_NOT_FOUND', `there is no process ${id}`, { metadata: { process_id: id } });
    return instance;
  };
  const units = (): readonly UnitSettings[] => [...instances.values()].map((i) => i.unit());
  const refuseWhenClosing = (id: string): void => {
    if (closing !== undefined) throw new AgentError('SHUTTING_DOWN', `${id} is left as it is: the agent is stopping`);
  };

  const forgetInline = (id: string): void => {
    instances.delete(id);
    notify({ processes: [], removedIds: [id] });
  };
  const makeRoom = (): void => {
    const present = [...instances.values()].filter((i) => i.inline);
    if (present.length < maxInline) return;
    const idle = present.find((i) => i.view().state === 'STOPPED' || i.view().state === 'EXITED' || i.view().state === 'CRASH_LOOP');
    if (idle === undefined) throw new AgentError('PROCESS_LIMIT_REACHED', `${maxInline} inline processes are there already`);
    forgetInline(idle.id);
  };
  /** The instance of a start request with a command of its own. */
  const prepareInline = (id: string, start: StartOptions): Instance => {
    judgeInline(inline, id, start.command);
    const unit = inlineUnit(id, start);
    const present = instances.get(id);
    if (present === undefined) {
      makeRoom();
      return add(unit, true);
    }
    if (!present.inline) throw invalid([{ field: 'command', message: `must be empty: ${id} is declared in the configuration` }]);
    refuseUp(present);
    present.update(unit);
    return present;
  };
  const prepareKnown = (id: string): Instance => {
    const instance = find(id);
    if (instance.inline) judgeInline(inline, id, instance.unit().command);
    refuseUp(instance);
    return instance;
  };
  const refuseUp = (instance: Instance): void => {
    if (!isUp(instance.view().state)) return;
    throw new AgentError('PROCESS_ALREADY_RUNNING', `${instance.id} is running already`, { metadata: { process_id: instance.id } });
  };

  /** Brings up what a process depends on, as systemd's Requires= and After=. */
  const startDependencies = async (instance: Instance): Promise<void> => {
    for (const id of instance.unit().dependsOn) {
      const dependency = instances.get(id);
      if (dependency === undefined || dependency.view().state === 'READY') continue;
      try {
        await startDependencies(dependency);
        if (!isUp(dependency.view().state)) await ignoreRunning(dependency.start());
        await dependency.whenReady();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const metadata = { process_id: instance.id, dependency: id };
        throw new AgentError('DEPENDENCY_NOT_READY', `${instance.id} was not started: it depends on ${id}: ${why}`, { metadata, cause });
      }
    }
  };
  const launch = async (instance: Instance): Promise<{ readonly ready: Promise<void> }> => {
    if (instance.inline) await undeclared;
    await startDependencies(instance);
    refuseWhenClosing(instance.id);
    return instance.start();
  };

  const stopWithDependents = async (id: string, graceMs: number | undefined): Promise<void> => {
    const dependents = dependentsOf(units(), id).filter((other) => {
      const state = instances.get(other)?.view().state;
      return state !== undefined && (isUp(state) || state === 'BACKOFF' || state === 'STOPPING');
    });
    await Promise.all(dependents.map((other) => stopWithDependents(other, undefined)));
    await instances.get(id)?.stop(graceMs);
  };

  const startQuietly = async (id: string): Promise<void> => {
    const instance = instances.get(id);
    if (instance === undefined || instance.view().state !== 'STOPPED') return;
    try {
      await (await launch(instance)).ready;
    } catch (error) {
      const reason = error instanceof AgentError ? error.reason : 'INTERNAL';
      const message = error instanceof Error ? error.message : String(error);
      if (reason !== 'PROCESS_ALREADY_RUNNING') logger.warn({ process: id, reason, error: message }, 'a unit was not started');
    }
  };
  /** In waves: what depends on nothing at once, the others as soon as what they depend on has settled. */
  const autostart = async (wanted: readonly UnitSettings[]): Promise<void> => {
    const started = new Map<string, Promise<void>>();
    const byId = new Map(wanted.map((unit) => [unit.id, unit]));
    for (const id of startOrder(wanted)) {
      const before = (byId.get(id)?.dependsOn ?? []).flatMap((other) => started.get(other) ?? []);
      started.set(
        id,
        Promise.all(before).then(() => startQuietly(id)),
      );
    }
    await Promise.all(started.values());
  };

  /** A run from before whose unit is gone from the configuration is ended, not adopted. */
  const endUndeclared = async (id: string): Promise<void> => {
    const files = runFiles(stateDir, id);
    const record = readRecord(files);
    if (record === undefined) return;
    const left = await terminate({ tree: treeOf(record), signal: 'SIGTERM', graceMs: undeclaredGraceMs, clock });
    if (left.length > 0) logger.error({ process: id, pids: left.map((p) => p.pid) }, 'processes of a run could not be ended');
    removeRecord(files);
    tell(journal, { id, type: 'stopped', data: { reason: 'UNDECLARED' } });
  };
  const adoptAll = async (): Promise<void> => {
    const ids = recordedIds(stateDir);
    undeclared = Promise.all(ids.filter((id) => !instances.has(id)).map(endUndeclared));
    for (const id of startOrder(units()).filter((known) => ids.includes(known))) {
      const instance = instances.get(id);
      const record = readRecord(runFiles(stateDir, id));
      if (instance === undefined || record === undefined) continue;
      // One that cannot be accounted for must not keep the others, or the agent, from starting.
      await instance
        .adopt(record)
        .catch((error: unknown) => logger.error({ process: id, error }, 'a run of before could not be accounted for'));
    }
  };

  const close = async (deadlineMs: number): Promise<void> => {
    const kept = new Set<string>();
    for (const instance of instances.values()) {
      if (instance.unit().onAgentExit !== 'keep') continue;
      kept.add(instance.id);
      instance.release();
    }
    const until = clock.monotonicMs() + deadlineMs - killReserveMs;
    const stopping = new Map<string, Promise<void>>();
    for (const id of [...startOrder(units())].reverse()) {
      const instance = instances.get(id);
      if (instance === undefined || kept.has(id)) continue;
      const after = dependentsOf(units(), id).flatMap((other) => stopping.get(other) ?? []);
      const stop = async (): Promise<void> => {
        await Promise.all(after);
        const graceMs = Math.max(0, Math.min(instance.unit().stop.graceMs, until - clock.monotonicMs()));
        await instance.stop(graceMs);
        instance.release();
      };
      stopping.set(id, stop());
    }
    const results = await Promise.allSettled([...stopping.values(), undeclared]);
    for (const r of results) if (r.status === 'rejected') logger.error({ error: r.reason }, 'a process could not be stopped');
  };

  for (const unit of Object.values(options.units)) add(unit, false);
  registerInstruments(options.metrics, () => [...instances.values()].map((i) => ({ view: i.view(), run: i.run() })), clock);

  return {
    async start(id, start) {
      refuseWhenClosing(id);
      const instance = start.command.length > 0 ? prepareInline(id, start) : prepareKnown(id);
      if (start.command.length === 0 && (Object.keys(start.env).length > 0 || start.cwd !== '')) {
        throw invalid([{ field: start.cwd === '' ? 'env' : 'cwd', message: 'goes with a command of its own only' }]);
      }
      const launched = launch(instance);
      const waits = instance.unit().dependsOn.some((other) => instances.get(other)?.view().state !== 'READY');
      if (start.waitFor === 'SUBMITTED' && waits) {
        launched.catch((error: unknown) => logger.warn({ process: id, error: String(error) }, 'a unit was not started'));
        return instance.view();
      }
      const { ready } = await untilAborted(launched, start.signal);
      if (start.waitFor !== 'SUBMITTED') await untilAborted(ready, start.signal);
      return instance.view();
    },
    async stop(id, { graceMs }) {
      const instance = find(id);
      await stopWithDependents(id, graceMs);
      return instance.view();
    },
    async restart(id, { traceId } = {}) {
      refuseWhenClosing(id);
      const instance = find(id);
      if (instance.inline) judgeInline(inline, id, instance.unit().command);
      await startDependencies(instance);
      const { ready } = await instance.restart(traceId);
      await ready;
      return instance.view();
    },
    async reload(id) {
      const instance = find(id);
      await instance.reload();
      return instance.view();
    },
    async readConfigAgain(id, { traceId } = {}) {
      refuseWhenClosing(id);
      const instance = find(id);
      if (!isUp(instance.view().state)) return 'not_running';
      if (await instance.hangUp()) return 'signalled';
      await (await instance.restart(traceId)).ready;
      return 'restarted';
    },
    get: (id) => find(id).view(),
    list,
    async resources(id) {
      const run = find(id).run();
      return run === undefined ? undefined : resources.read(run);
    },
    onChange(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
    health: () => health.get(),
    async startAll() {
      await adoptAll();
      await autostart(units().filter((unit) => unit.autostart));
    },
    stopAll(deadlineMs) {
      closing ??= close(deadlineMs);
      return closing;
    },
    async setUnits(next, nextInline) {
      inline = nextInline ?? inline;
      const declared = [...instances.values()].filter((i) => !i.inline);
      const removed = declared.filter((i) => next[i.id] === undefined).map((i) => i.id);
      const added = Object.values(next).filter((unit) => instances.get(unit.id)?.inline !== false);
      const changed = declared.filter((i) => next[i.id] !== undefined && JSON.stringify(next[i.id]) !== JSON.stringify(i.unit()));
      await Promise.all(removed.map((id) => stopWithDependents(id, undefined)));
      for (const id of removed) forgetInline(id);
      // A unit that takes the id of an inline process takes its place.
      await Promise.all(added.map((unit) => instances.get(unit.id)?.stop()));
      for (const unit of added) notify({ processes: [add(unit, false).view()], removedIds: [] });
      const renewed = changed.filter((i) => i.update(next[i.id] ?? i.unit()));
      await Promise.all(renewed.map((i) => restartQuietly(i)));
      await autostart(added.filter((unit) => unit.autostart));
      return { added: added.map((unit) => unit.id), removed, changed: changed.map((i) => i.id) };
    },
  };

  async function restartQuietly(instance: Instance): Promise<void> {
    try {
      await startDependencies(instance);
      await (await instance.restart()).ready;
    } catch (error) {
      logger.warn({ process: instance.id, error: String(error) }, 'a changed unit was not started');
    }
  }
}

/** Someone else started it meanwhile: as good. */
async function ignoreRunning(start: Promise<unknown>): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (!(error instanceof AgentError && error.reason === 'PROCESS_ALREADY_RUNNING')) throw error;
  }
}

/** Gives up waiting, and nothing else, when the signal fires. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
