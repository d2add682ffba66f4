import { join } from 'node:path';
import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { createNote } from '../kernel/note.ts';
import { runEnvironment, type Supervisor } from '../processes/index.ts';
import type { PluginSettings, PluginUnitSettings, UnitSettings } from '../settings/types.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger, Metrics, Spans } from '../telemetry/index.ts';
import { createAwakeClock } from './awake-clock.ts';
import { createChecks } from './checks.ts';
import { createCollector } from './collector.ts';
import { openDocuments } from './documents/open-documents.ts';
import { createHandOut } from './hand-out.ts';
import { createLifecycle } from './lifecycle.ts';
import { observePlugins } from './observe-plugins.ts';
import { openOwners, unitIdentity } from './owners.ts';
import type { PluginRecord } from './record.ts';
import { createRecovery } from './recovery.ts';
import { openRegistry } from './registry.ts';
import { createSessionCalls } from './session-calls.ts';
import { endSession } from './sessions.ts';
import { withContact } from './silence.ts';
import { createTransitions } from './transitions.ts';
import type { Plugins } from './types.ts';
import { judge, leaseIsOver } from './verdict.ts';

export interface PluginsOptions {
  readonly settings: PluginSettings;
  readonly stateDir: string;
  /** `agent.reload_delay` in effect. */
  readonly reloadDelayMs: () => number;
  /** The daemon's environment: what units may be lent. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What else the unit of a plugin finds in its environment: how it calls the agent, and its token. */
  readonly unitEnvironment?: (id: string) => Readonly<Record<string, string>>;
  readonly store: OpenStore;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spans?: Spans;
  /** Runs the schedule of sboxmgr now; undefined while there is none. */
  readonly rerun?: () => (() => Promise<void>) | undefined;
}

export interface PluginRoom {
  readonly plugins: Plugins;
  /** Plugins known. */
  size(): number;
  /** DEGRADED while a plugin is ill or a document is refused; names it. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
  setSettings(settings: PluginSettings): Promise<void>;
  start(): Promise<void>;
  /** Keeps what is known. Idempotent. */
  stop(): Promise<void>;
}

/** What is known of plugins, before there are processes. */
export interface OpenedPlugins {
  /** Units of plugins as the supervisor runs them: told where their document lies; those that are switched off do not start by themselves. */
  units(declared: PluginSettings['units']): Readonly<Record<string, UnitSettings>>;
  run(supervisor: Supervisor): PluginRoom;
}

/** How often everything is looked at. */
const tickMs = 250;

export async function openPlugins(options: PluginsOptions): Promise<OpenedPlugins> {
  const { clock, journal, logger, metrics, stateDir, store } = options;
  let { settings } = options;
  const awake = createAwakeClock(clock, tickMs);
  const registry = await openRegistry({ store, clock, awake, logger, metrics, limit: settings.limits.plugins });
  const owners = await openOwners({
    store,
    isDeclared: (id) => registry.find(id)?.unit !== undefined,
    refused: metrics.counter('sboxagent_limit_refused_total'),
  });
  const documents = await openDocuments({
    dir: join(stateDir, 'plugins'),
    backupDir: join(stateDir, 'backups', 'plugins'),
    store,
    journal,
    settings: settings.configuration,
    reloadDelayMs: options.reloadDelayMs,
    clock,
    logger,
    metrics,
  });

  const declare = (units: PluginSettings['units']): void => {
    for (const unit of Object.values(units)) {
      const record = registry.declare(unit.id);
      record.unit = unit;
      record.kind = 'PROCESS';
      // Also when it is no longer declared, its documents are nobody else's.
      owners
        .bind(unit.id, unitIdentity(unit.id))
        .catch((error: unknown) => logger.warn({ plugin: unit.id, err: error }, 'the owner of a plugin could not be kept'));
    }
    for (const record of registry.all()) {
      if (record.unit === undefined || units[record.id] !== undefined) continue;
      Object.assign(record, { unit: undefined, kind: undefined, process: undefined });
      registry.touch(record);
    }
  };
  declare(settings.enabled ? settings.units : {});

  const asUnit = (unit: PluginUnitSettings): UnitSettings => {
    const { readiness: _, recovery: __, ...plain } = unit;
    const env = {
      ...options.unitEnvironment?.(unit.id),
      SBOXAGENT_PLUGIN_ID: unit.id,
      SBOXAGENT_PLUGIN_CONFIG: documents.file(unit.id),
      ...unit.env,
    };
    return { ...plain, env, autostart: unit.autostart && registry.find(unit.id)?.enabled !== false };
  };
  const units: OpenedPlugins['units'] = (declared) => Object.fromEntries(Object.entries(declared).map(([id, unit]) => [id, asUnit(unit)]));

  const run = (supervisor: Supervisor): PluginRoom => {
    const nowMs = awake.nowMs;
    const retries = (): number => settings.healthCheck.retries;
    const recovery = createRecovery({
      spans: options.spans,
      supervisor,
      documents,
      rerun: () => options.rerun?.(),
      journal,
      logger,
      retries,
      nowMs,
      touch: registry.touch,
    });
    const transition = createTransitions({ registry, recovery, journal });
    const evaluate = (record: PluginRecord): void => {
      if (leaseIsOver(record.session, nowMs())) {
        endSession(record);
        record.leaseEnded = true;
      }
      transition(record, judge(record, nowMs(), settings.healthCheck));
    };
    const handOut = createHandOut({ registry, documents, supervisor, logger, retries });
    const checks = createChecks({
      registry,
      supervisor,
      settings: () => settings.healthCheck,
      environment: (unit) => runEnvironment(options.environment, asUnit(unit), 'probe'),
      stateDir,
      clock,
      logger,
      nowMs,
      seen(record, check) {
        evaluate(record);
        if (check !== undefined) handOut.seen(record, check);
      },
    });
    /** A sign of life: heals what silence made ill, at once. */
    const recordContact = (record: PluginRecord): void => {
      record.lastSeenMs = clock.wallMs();
      record.silentSinceStart = false;
      record.contact = withContact(record.contact, nowMs(), record.verdict.status === 'UNHEALTHY' || record.verdict.status === 'DEGRADED');
      evaluate(record);
    };
    const collector = createCollector({
      registry,
      owners,
      store,
      journal,
      clock,
      logger,
      metrics,
      enabled: () => settings.enabled && settings.eventCollection.enabled,
      settings: () => settings.eventCollection,
      onContact(id) {
        const record = registry.find(id);
        if (record !== undefined) recordContact(record);
      },
    });
    const lifecycle = createLifecycle({ registry, owners, documents, supervisor, recovery, collector, journal, nowMs, evaluate });
    observePlugins({ metrics, registry, nowMs });
    let stops: (() => void)[] = [];
    const healthNote = createNote(clock);

    const sessions = createSessionCalls({
      registry,
      owners,
      documents,
      collector,
      journal,
      settings: () => settings,
      clock,
      nowMs,
      refused: metrics.counter('sboxagent_limit_refused_total'),
      evaluate,
      recordContact,
    });

    const plugins: Plugins = {
      documents,
      ...sessions,
      list: registry.views,
      get: (id) => registry.view(registry.get(id)),
      async recentEvents(id) {
        registry.get(id);
        return collector.recent(id);
      },
      ...lifecycle,
      onChange: registry.onChange,
    };
    return {
      plugins,
      size: registry.size,
      health() {
        const names = [...registry.all()].filter((r) => r.enabled && r.verdict.status === 'UNHEALTHY').map((r) => r.id);
        const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
        const parts = [names.length > 0 ? `UNHEALTHY: ${shown}` : '', documents.health().message];
        healthNote.note(parts.filter((part) => part !== '').join('; '));
        return healthNote.health();
      },
      async setSettings(next) {
        settings = next;
        registry.setLimit(next.limits.plugins);
        documents.setSettings(next.configuration);
        declare(next.enabled ? next.units : {});
      },
      async start() {
        await collector.catchUp();
        const flush = async (): Promise<void> => {
          await collector.flush().catch(() => {});
          if (stops.length > 0) stops[0] = clock.after(settings.eventCollection.flushIntervalMs, () => void flush());
        };
        stops = [
          clock.after(settings.eventCollection.flushIntervalMs, () => void flush()),
          clock.every(tickMs, () => {
            awake.tick();
            checks.tick();
            for (const record of registry.all()) {
              evaluate(record);
              recovery.takeDueStep(record);
            }
          }),
        ];
      },
      async stop() {
        for (const stop of stops) stop();
        stops = [];
        checks.stop();
        handOut.stop();
        for (const record of registry.all()) registry.dirty(record);
        collector.stop();
        await collector.flush();
        await documents.stop();
      },
    };
  };
  return { units, run };
}
