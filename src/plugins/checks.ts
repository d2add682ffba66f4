import type { Clock } from '../kernel/clock.ts';
import { confine, type ProbeResult, type ProcessView, runProbe, type Supervisor, workingDirectory } from '../processes/index.ts';
import type { PluginUnitSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/index.ts';
import { noChecks, type PluginRecord } from './record.ts';
import type { Registry } from './registry.ts';

export interface ChecksOptions {
  readonly registry: Registry;
  readonly supervisor: Pick<Supervisor, 'list' | 'onChange'>;
  readonly settings: () => { readonly enabled: boolean; readonly intervalMs: number; readonly timeoutMs: number };
  /** What a unit's probe runs with: that of its program. */
  readonly environment: (unit: PluginUnitSettings) => Readonly<Record<string, string>>;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** A check has said its word, or the process changed. */
  readonly seen: (record: PluginRecord, check?: ProbeResult) => void;
}

/** Looks after the processes of plugins: what the supervisor says of them, and their probes. */
export interface Checks {
  /** Runs the checks that are due. To be called at every tick. */
  tick(): void;
  stop(): void;
}

interface Schedule {
  dueAtMs: number;
  running: AbortController | undefined;
}

export function createChecks(options: ChecksOptions): Checks {
  const { registry, supervisor, settings, clock, logger, nowMs, seen } = options;
  const schedules = new Map<string, Schedule>();
  const scheduleOf = (id: string): Schedule => {
    const schedule = schedules.get(id) ?? { dueAtMs: Number.POSITIVE_INFINITY, running: undefined };
    schedules.set(id, schedule);
    return schedule;
  };
  const periodOf = (unit: PluginUnitSettings): number => unit.readiness?.periodMs ?? settings().intervalMs;

  const follow = (view: Pick<ProcessView, 'id' | 'state' | 'desired'>): void => {
    const record = registry.find(view.id);
    const down = view.state === 'STOPPED' || view.state === 'STOPPING';
    // A stop on the way to the next start is none of a person's: an illness, and the story of it, goes on.
    const state = down && view.desired === 'UP' ? 'STARTING' : view.state;
    if (record?.unit === undefined || record.process === state) return;
    const schedule = scheduleOf(view.id);
    record.process = state;
    schedule.running?.abort();
    if (down) {
      // A stop that the recovery asked for is a part of its story; one that a person asks for meanwhile ends it.
      if (view.desired === 'DOWN' || !record.recovery.stepping) record.checks = noChecks();
      schedule.dueAtMs = Number.POSITIVE_INFINITY;
    } else if (view.state === 'READY') schedule.dueAtMs = nowMs() + (record.unit.readiness?.initialDelayMs ?? 0);
    else if (view.state !== 'STARTING' && view.state !== 'RUNNING') schedule.dueAtMs = nowMs();
    seen(record);
  };

  const runCheck = async (record: PluginRecord, unit: PluginUnitSettings, signal: AbortSignal): Promise<ProbeResult> => {
    if (record.process !== 'READY' && record.process !== 'RUNNING') return { ok: false, message: `its process is ${record.process}` };
    if (unit.readiness === undefined) return { ok: true, message: 'its process is READY' };
    return runProbe(unit.readiness.action, {
      timeoutMs: unit.readiness.timeoutMs ?? settings().timeoutMs,
      signal,
      env: options.environment(unit),
      cwd: workingDirectory(options.stateDir, unit),
      confine: (argv) => confine(unit, argv),
      clock,
    });
  };
  const take = (record: PluginRecord, unit: PluginUnitSettings, result: ProbeResult): void => {
    const { checks } = record;
    const successes = result.ok ? checks.successes + 1 : 0;
    const healed = result.ok && (checks.failures === 0 || successes >= (unit.readiness?.successThreshold ?? 1));
    record.checks = {
      failures: healed ? 0 : result.ok ? checks.failures : checks.failures + 1,
      successes,
      message: result.message,
      timeMs: clock.wallMs(),
    };
  };
  const check = async (record: PluginRecord, unit: PluginUnitSettings, schedule: Schedule): Promise<void> => {
    const abort = new AbortController();
    const began = record.checks;
    schedule.running = abort;
    try {
      const result = await runCheck(record, unit, abort.signal);
      // What was begun before a restart, or the reset of a recovery, says nothing about what runs now.
      if (abort.signal.aborted || record.checks !== began) return;
      take(record, unit, result);
      seen(record, result);
    } catch (error) {
      logger.error({ plugin: record.id, err: error }, 'a check of a plugin failed by a fault of the agent');
    } finally {
      if (schedule.running === abort) schedule.running = undefined;
    }
  };

  const stopFollowing = supervisor.onChange(({ processes }) => processes.forEach(follow));
  return {
    tick() {
      if (!settings().enabled) return;
      for (const record of registry.all()) {
        const { unit } = record;
        if (unit === undefined) continue;
        if (record.process === undefined)
          supervisor
            .list()
            .filter(({ id }) => id === record.id)
            .forEach(follow);
        const schedule = scheduleOf(record.id);
        if (!record.enabled || schedule.running !== undefined || schedule.dueAtMs > nowMs()) continue;
        schedule.dueAtMs = nowMs() + periodOf(unit);
        void check(record, unit, schedule);
      }
      for (const id of schedules.keys()) if (registry.find(id)?.unit === undefined) schedules.delete(id);
    },
    stop() {
      stopFollowing();
      for (const { running } of schedules.values()) running?.abort();
    },
  };
}
