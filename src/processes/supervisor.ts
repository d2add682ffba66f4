import type { Journal } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import type { Logs } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger, Metrics, Spans } from '../telemetry/types.ts';
import type { ProcessContext } from './context.ts';
import { closeInheritedDescriptors } from './descriptors.ts';
import { engines } from './engines/index.ts';
import { figuresMonitor } from './figures-monitor.ts';
import { createHealth } from './health.ts';
import { type InlineSettings, judgeInline, undeclaredUnit } from './inline-gate.ts';
import { createInstance, type Instance } from './instance.ts';
import { judgeFirst, objectionOf } from './judge-first.ts';
import { findPerl } from './launch/launcher.ts';
import { createProgramSpawner } from './launch/program-spawner.ts';
import { isUp, refusesStart } from './lifecycle/transition.ts';
import { memoryMonitor } from './memory-monitor.ts';
import { observeEngines } from './observe-engines.ts';
import { observeProcesses } from './observe-processes.ts';
import { convertOldRecords } from './old-records.ts';
import { createOomWatch } from './oom.ts';
import { createOrder } from './order.ts';
import { probeMonitor } from './probes/monitor.ts';
import { readRecord } from './record-file.ts';
import { replaceUnits, type UnitChanges } from './replace-units.ts';
import { createResourceReader } from './resources.ts';
import { createRoster } from './roster.ts';
import { sampleRuns } from './sample-runs.ts';
import { shutDownAll } from './shutdown.ts';
import { prepareStart, type StartRequests } from './start-request.ts';
import { beginTrial } from './trial.ts';
import type { ProcessTrial, Supervisor, TrialOptions } from './types.ts';
import { type GroupPlace, lookForGroupPlace, openUnitGroups } from './unit-groups.ts';
import { recordedIds, runFiles } from './unit-record.ts';

export interface SupervisorOptions extends Pick<ProcessContext, 'checkConfig' | 'configs'> {
  readonly units: Readonly<Record<string, UnitSettings>>;
  readonly inline: InlineSettings;
  /** Whether each unit gets a cgroup of its own, where one can be had. Default: true. */
  readonly cgroups?: boolean;
  /** Whether programs are started by a launcher, where there is one. Default: true. */
  readonly launcher?: boolean;
  /** Descriptors that the daemon was started with and uses itself: they stay open. */
  readonly ownDescriptors?: readonly number[];
  readonly stateDir: string;
  /** The daemon's PATH, where engines are found by name. */
  readonly path: string;
  /** The daemon's environment: the source of the few names that children get, and of `pass_env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly journal: Pick<Journal, 'emit' | 'settled'>;
  readonly logs: Pick<Logs, 'collect'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spans?: Spans;
  readonly clock: Clock;
  /** How often engines are asked for their figures, and all that runs is sampled for the metrics. Default: 15 s. */
  readonly figuresEveryMs?: number;
  /** For the jitter; 0 to 1. Default: Math.random. */
  readonly random?: () => number;
}

export interface ProcessSupervisor extends Supervisor {
  /**
   * Starts what is to be started, dependencies first: what was last asked for goes on, and `autostart` decides about a unit that
   * nobody asked anything of. A start that fails is logged, not thrown. (What ran before was adopted when the supervisor was made.)
   */
  startAll(): Promise<void>;
  /**
   * Stops what does not outlive the daemon, dependents first; what has not ended when `deadlineMs` is over is killed. Processes
   * with `on_agent_exit: keep` are left running. Nothing is started afterwards. Idempotent.
   */
  stopAll(deadlineMs: number): Promise<void>;
  /** Live reload: what did not change keeps running, a running unit whose program would be started differently is restarted. */
  setUnits(units: Readonly<Record<string, UnitSettings>>, inline?: InlineSettings): Promise<UnitChanges>;
  /** An apply takes a unit into its hands until it ends the trial. Throws PROCESS_NOT_FOUND. */
  beginTrial(id: string, options: TrialOptions): ProcessTrial;
}

export function createSupervisor(options: SupervisorOptions): ProcessSupervisor {
  const { clock, logger, stateDir } = options;
  const roster = createRoster(logger);
  const health = createHealth(clock);
  const resources = createResourceReader(clock);
  const leaving = new Map<string, Promise<void>>();
  let inline = options.inline;
  let closing: Promise<void> | undefined;
  const place: GroupPlace = options.cgroups === false ? { kind: 'none', why: 'switched off' } : lookForGroupPlace(stateDir);
  const groups = openUnitGroups(place);
  const programs = createProgramSpawner({ clock, logger, perl: options.launcher === false ? undefined : findPerl() });
  const context: ProcessContext = {
    ...options,
    random: options.random ?? Math.random,
    programs,
    groups,
    resources,
    oom: createOomWatch(),
    checkConfig: options.checkConfig ?? ((unit, configPath, signal) => objectionOf(context, unit, { configPath, signal })),
    changed: roster.changed,
  };
  closeInheritedDescriptors(options.ownDescriptors); // before any child can get one
  const everyMs = options.figuresEveryMs ?? 15_000;
  const figures = figuresMonitor(context, everyMs);
  const monitors = [probeMonitor(context), memoryMonitor(context), figures.monitor];
  const order = createOrder(roster, logger);

  const add = (unit: UnitSettings, isInline: boolean): Instance =>
    roster.add(unit.id, () => createInstance(context, { unit, inline: isInline, monitors }));
  const remove = (instance: Instance): Promise<void> => {
    instance.leave();
    const removal = order
      .stop(instance.id)
      .then(() => instance.remove())
      .then(
        () => roster.drop(instance.id),
        (error: unknown) => logger.error({ process: instance.id, error }, 'a process could not be removed'),
      );
    leaving.set(instance.id, removal);
    return removal.finally(() => leaving.delete(instance.id));
  };
  const refuseWhenClosing = (id: string): void => {
    if (closing !== undefined) throw new AgentError('SHUTTING_DOWN', `${id} is left as it is: the agent is stopping`);
  };
  const refuseUp = (instance: Instance): void => {
    if (!refusesStart(instance.life())) return;
    throw new AgentError('PROCESS_ALREADY_RUNNING', `${instance.id} is running already`, { metadata: { process_id: instance.id } });
  };
  const startRequests: StartRequests = { roster, leaving, inline: () => inline, add, remove, refuseWhenClosing };
  /** What waited for a dependency in vain is started when that has become READY after all. */
  const unblock = (id: string): void => {
    const blocked = roster.all().filter((instance) => {
      const { desired, phase, reason, halted } = instance.life();
      const waits = desired === 'UP' && phase.state === 'STOPPED' && reason === 'DEPENDENCY_NOT_READY' && !halted;
      return waits && instance.unit().dependsOn.includes(id);
    });
    if (blocked.length > 0) void order.startAll(blocked);
  };

  roster.onChange(({ processes, removedIds }) => {
    for (const id of removedIds) {
      figures.board.forget(id);
      health.forget(id);
    }
    for (const view of processes) {
      health.update(view);
      if (view.state === 'READY') unblock(view.id);
    }
  });
  convertOldRecords(stateDir, options.units, logger);
  for (const unit of Object.values(options.units)) add(unit, false);
  // A run from before whose unit is gone from the configuration is ended, not adopted.
  for (const id of recordedIds(stateDir)) {
    if (roster.get(id) === undefined && readRecord(runFiles(stateDir, id).record) !== undefined) void remove(add(undeclaredUnit(id), true));
  }
  // What is in a group that nobody knows of was left by a start that was cut short.
  groups.clear(new Set(roster.all().map((instance) => instance.id)));
  const observed = () => roster.all().map((i) => ({ view: i.view(), run: i.run(), figures: figures.board.get(i.id) }));
  observeProcesses({ metrics: options.metrics, clock, observed, resources });
  observeEngines({ metrics: options.metrics, observed });
  const stopSampling = sampleRuns(clock, everyMs, { runs: () => roster.all().flatMap((i) => i.run() ?? []), sample: resources.sample });

  const renew = async (instance: Instance): Promise<void> => {
    try {
      if (isUp(instance.life().phase)) await judgeFirst(context, instance.unit());
      await order.startDependencies(instance);
      await (await instance.restart()).ready;
    } catch (error) {
      logger.warn({ process: instance.id, error: String(error) }, 'a changed unit was not started');
    }
  };

  return {
    async start(id, start) {
      refuseWhenClosing(id);
      const { instance, unit } = await prepareStart(startRequests, id, start);
      refuseUp(instance);
      const launched = order.start(instance, { ...(unit !== undefined && { unit }), traceId: start.traceId ?? '' });
      const waits = instance.unit().dependsOn.some((other) => roster.get(other)?.life().phase.state !== 'READY');
      if (start.waitFor === 'SUBMITTED' && waits) {
        launched.catch((error: unknown) => logger.warn({ process: id, error: String(error) }, 'a unit was not started'));
        return instance.view();
      }
      const attempt = await untilAborted(launched, start.signal);
      if (start.waitFor !== 'SUBMITTED') await untilAborted(start.waitFor === 'READY' ? attempt.ready : attempt.running, start.signal);
      return instance.view();
    },
    async stop(id, { graceMs, traceId }) {
      const instance = roster.find(id);
      await order.stop(id, graceMs, traceId);
      return instance.view();
    },
    async restart(id, { traceId, force = false } = {}) {
      refuseWhenClosing(id);
      const instance = roster.find(id);
      if (instance.inline) judgeInline(inline, id, instance.unit().command);
      if (!force) await judgeFirst(context, instance.unit());
      await order.startDependencies(instance, traceId);
      await (await instance.restart(traceId)).running;
      return instance.view();
    },
    async reload(id, { force = false } = {}) {
      refuseWhenClosing(id);
      const instance = roster.find(id);
      const { engine } = instance.unit();
      if (!force && engine !== undefined && isUp(instance.life().phase)) await judgeFirst(context, instance.unit());
      // What cannot take up a config in place is restarted for it.
      if (engine !== undefined && engines[engine].reload === undefined && isReloadable(instance)) {
        await (await instance.restart()).running;
      } else await instance.reload();
      return instance.view();
    },
    async readConfigAgain(id, { traceId } = {}) {
      refuseWhenClosing(id);
      const instance = roster.find(id);
      if (!isUp(instance.life().phase)) return 'not_running';
      if (instance.hangUp()) return 'signalled';
      await (await instance.restart(traceId)).running;
      return 'restarted';
    },
    get: (id) => roster.find(id).view(),
    list: roster.list,
    async resources(id) {
      const run = roster.find(id).run();
      return run === undefined ? undefined : resources.read(run);
    },
    onChange: roster.onChange,
    health: () => health.get(),
    async startAll() {
      if (roster.all().length > 0) programs.warm();
      await Promise.all(roster.all().map((instance) => instance.resumed));
      await order.startAll(roster.all().filter((instance) => instance.wantsStart()));
    },
    stopAll(deadlineMs) {
      stopSampling();
      closing ??= shutDownAll(roster, { deadlineMs, clock, logger }).finally(() => {
        programs.close();
        groups.close();
      });
      return closing;
    },
    beginTrial: (id, trial) => beginTrial(roster.find(id), { ...trial, clock }),
    setUnits(next, nextInline) {
      inline = nextInline ?? inline;
      return replaceUnits({ roster, order, leaving, add, remove, renew }, next);
    },
  };
}

/** Its start is proved. */
function isReloadable(instance: Instance): boolean {
  const { state } = instance.life().phase;
  return state === 'RUNNING' || state === 'READY';
}
