import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureAdminToken, openAccess } from '../access/index.ts';
import { createApi, createFrontDoor, metricsRoutes, type StatusSnapshot } from '../api/index.ts';
import { openJournal } from '../events/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { RefusedError } from '../kernel/errors.ts';
import { redactText } from '../kernel/redaction.ts';
import { openLogs } from '../logs/index.ts';
import { openPlugins } from '../plugins/index.ts';
import { createSupervisor } from '../processes/index.ts';
import { diffSettings, type LoadedSettings, processEnv } from '../settings/index.ts';
import type { Settings, UnitSettings } from '../settings/types.ts';
import { openStore, requestMemory, storeModules } from '../store/index.ts';
import { observeSystem, startTelemetry } from '../telemetry/index.ts';
import { createHealthBoard, createNote } from './health-board.ts';
import { lockStateDir } from './lock.ts';
import { asOwnLine } from './own-log.ts';
import { createReloads } from './reloads.ts';
import type { ProgramVersion } from './version.ts';

/** How long each part is given to end before the daemon goes on without it. */
const deadlinesMs = { frontDoor: 5_000, processes: 20_000 } as const;

export interface App {
  start(): Promise<void>;
  /** Puts into effect what of the newly read settings can be applied live, and logs what needs a restart. What is refused changes nothing. */
  reload(load: () => LoadedSettings): Promise<void>;
  stop(): Promise<void>;
}

/** Level by level: Node's own recursive form never returns where a parent takes no directories (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** The state directory exists, is ours alone, and no other daemon has it. */
function claimStateDir(stateDir: string): { release(): void } {
  try {
    makeDirectory(stateDir);
    chmodSync(stateDir, 0o700);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`agent.state_dir ${stateDir}: ${why}; choose a directory of your own with --state-dir`);
  }
  return lockStateDir(join(stateDir, 'lock'));
}

/** Builds the daemon from its rooms. Nothing listens and nothing is spawned before `start`. */
export async function createApp(first: LoadedSettings, program: ProgramVersion): Promise<App> {
  const clock = systemClock;
  const startTimeMs = clock.wallMs();
  const startedAtMs = clock.monotonicMs();
  process.umask(0o077);
  let loaded = first;
  const { settings } = first;
  const { stateDir } = settings.agent;
  const { security } = settings.api;
  const lock = claimStateDir(stateDir);
  const environment = processEnv();
  const telemetry = await startTelemetry({
    ...program,
    instanceName: settings.agent.name,
    logLevel: settings.agent.logLevel,
    otlpEndpoint: settings.telemetry.otlpEndpoint,
    sampleRatio: settings.telemetry.sampleRatio,
    env: environment,
    clock,
  });
  const { logger, metrics } = telemetry;
  const stopObserving = observeSystem({ metrics, clock, diskPath: stateDir, intervalMs: settings.api.metrics.collectionIntervalMs });
  const store = await openStore({
    path: join(stateDir, 'sboxagent.db'),
    durability: settings.events.durability,
    modules: storeModules(),
    clock,
    logger,
    metrics,
  });
  const { retention, redact } = settings.events;
  const journal = await openJournal({ store, retention, redact, clock, logger, metrics });
  const logs = await openLogs({ dir: join(stateDir, 'logs'), ...settings.logs, redact: redactText, clock, logger, metrics });
  telemetry.onLogLine((line) => logs.ingestOwn(asOwnLine(line)));
  const opened = await openPlugins({ settings: settings.plugins, stateDir, environment, store, journal, clock, logger, metrics });
  const unitsOf = ({ processes, plugins }: Settings): Readonly<Record<string, UnitSettings>> => ({
    ...processes.units,
    ...(plugins.enabled ? opened.units(plugins.units) : {}),
  });
  const supervisor = createSupervisor({
    units: unitsOf(settings),
    inline: settings.processes.inline,
    stateDir,
    path: environment['PATH'] ?? '',
    environment,
    journal,
    logs,
    logger,
    metrics,
    clock,
  });
  const room = opened.run(supervisor);
  if (security.authEnabled) ensureAdminToken({ stateDir, hasStaticToken: security.authToken !== undefined, clock });
  const tokens = createNote(clock);
  const { authEnabled, authToken } = security;
  const access = openAccess({ stateDir, authEnabled, authToken, clock, onProblem: (problem) => tokens.note(problem ?? '') });
  const reloads = createReloads(clock);
  const health = createHealthBoard(
    {
      access: tokens.health,
      config: reloads.health,
      journal: journal.health,
      logs: logs.health,
      plugins: room.health,
      processes: supervisor.health,
    },
    clock,
  );
  let listeners: readonly string[] = [];
  const status = (): StatusSnapshot => ({
    ...program,
    name: settings.agent.name,
    startTimeMs,
    uptimeMs: clock.monotonicMs() - startedAtMs,
    pid: process.pid,
    listeners,
    configPaths: loaded.paths,
    configEtag: loaded.etag,
    plugins: room.plugins.list().length,
    ...frontDoor.stats(),
  });
  const requests = requestMemory(store, clock);
  const api = createApi({
    clock,
    journal: room.journal,
    logs,
    supervisor,
    plugins: room.plugins,
    custom: telemetry.custom,
    health,
    status,
    requests,
    api: () => loaded.settings.api,
  });
  const frontDoor = createFrontDoor({
    api: settings.api,
    access,
    telemetry,
    clock,
    methods: api.methods,
    mount: api.mount,
    connectOptions: api.connectOptions,
    gateway: api.gateway,
    plain: metricsRoutes(metrics, settings.api.metrics),
    unixSocketPath: settings.api.unixSocket.path,
  });

  /** In the order of the route DEATH (house, section 1); what fails is told and does not keep the rest from ending. */
  const endings: readonly (readonly [string, () => unknown])[] = [
    ['front door', () => frontDoor.stop(deadlinesMs.frontDoor)],
    ['plugins', () => room.stop()],
    ['processes', () => supervisor.stopAll(deadlinesMs.processes)],
    ['health', () => health.stop()],
    ['figures', stopObserving],
    ['access', () => access.stop()],
    ['logs', () => logs.stop()],
    ['journal', () => journal.stop()],
    ['store', () => store.stop()],
    ['telemetry', () => telemetry.stop()],
    ['lock', () => lock.release()],
  ];
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    logger.info({}, 'agent stopping');
    journal.emit({ type: 'agent.stopping', subject: settings.agent.name, data: { pid: process.pid } });
    health.stopping();
    for (const [part, end] of endings) {
      try {
        await end();
      } catch (error) {
        logger.error({ part, err: error }, 'a part did not end well');
      }
    }
  };

  return {
    async start() {
      try {
        // What happened while there was no agent is known before anyone can ask.
        await room.start();
        listeners = await frontDoor.start();
      } catch (error) {
        for (const [, end] of endings.slice(1)) await Promise.resolve(end()).catch(() => {});
        throw error;
      }
      journal.emit({ type: 'agent.started', subject: settings.agent.name, data: { version: program.version, pid: process.pid } });
      logger.info({ version: program.version, listeners, state_dir: stateDir, config: loaded.paths }, 'agent started');
      await supervisor.startAll();
    },
    reload: (load) =>
      reloads.run(
        load,
        async (next) => {
          const changes = diffSettings(loaded.settings, next.settings);
          loaded = next;
          telemetry.setLogLevel(next.settings.agent.logLevel);
          frontDoor.reconfigure(next.settings.api);
          access.reload({ authToken: next.settings.api.security.authToken });
          journal.setRetention(next.settings.events.retention);
          logs.setRetention(next.settings.logs);
          await room.setSettings(next.settings.plugins);
          await supervisor.setUnits(unitsOf(next.settings));
          const named = (live: boolean): readonly string[] => changes.filter((c) => c.live === live).map((c) => c.path);
          logger.info({ applied: named(true), restart_required: named(false) }, 'configuration reloaded');
          return named(true).length > 0 ? { applied: named(true), restartRequired: named(false) } : undefined;
        },
        { journal, logger },
      ),
    stop: () => (stopping ??= stop()),
  };
}
