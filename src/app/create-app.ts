import { join } from 'node:path';
import { ensureAdminToken, openAccess } from '../access/index.ts';
import { openAlerts } from '../alerts/index.ts';
import { createApi, createFrontDoor, metricsRoutes, referenceRoutes, type StatusSnapshot } from '../api/index.ts';
import { openAudit } from '../audit/index.ts';
import { openConfig } from '../config/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { createNote } from '../kernel/note.ts';
import { explainProcess } from '../processes/index.ts';
import { createSchedule, openBridge, openBusinessMetrics } from '../sboxmgr/index.ts';
import { activeSettings, type LoadedSettings, processEnv } from '../settings/index.ts';
import { type EarlyWriter, requestMemory, totalsStore } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { openTraces } from '../traces/index.ts';
import { builtInRules } from './built-in-rules.ts';
import { type Ending, endAll } from './endings.ts';
import { openFoundation } from './foundation.ts';
import { createHealthBoard, type Judge } from './health-board.ts';
import { joinFleet } from './join-fleet.ts';
import { collectOften, giveMemoryBack, optimizeLate, ownMemory } from './memory.ts';
import { createCertificateNews, followSecretFiles, reloadWithCertificate } from './named-files.ts';
import { pageRoutes } from './pages.ts';
import { sendLogs } from './send-logs.ts';
import type { DaemonState } from './service-manager.ts';
import { openSupervision } from './supervision.ts';
import { traceLines } from './trace-lines.ts';
import type { ProgramVersion } from './version.ts';

/** How long calls are given to end. */
const frontDoorStopMs = 5_000;
/** The agent has given its first answers by then: what takes its time to be loaded no longer holds them up. */
const settledMs = 1000;

export interface App extends DaemonState {
  readonly logger: Logger;
  start(): Promise<void>;
  /** Reads the configuration again (SIGHUP): what can be applied live is, what needs a restart is logged, what is refused changes nothing. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

export interface AppOptions {
  /** The configuration that the agent starts with. */
  readonly first: LoadedSettings;
  /** The writing thread of that configuration's database, which may still be starting. */
  readonly writer: EarlyWriter;
  /** Reads it again; `texts` stand in for files. Throws RefusedError. */
  readonly load: (texts?: ReadonlyMap<string, string>) => LoadedSettings;
  /** The files that `load` would read now. Throws RefusedError. */
  readonly files: () => readonly string[];
  readonly program: ProgramVersion;
  /** What nobody caught, as a component of health. */
  readonly faults: Judge;
  /** The claimed state directory: released at the end. */
  readonly lock: { release(): void };
  /** Is given every change that is put into effect, whoever wanted it (API, signal, file), so that the service manager knows of it. */
  readonly reloading: (reload: () => Promise<void>) => Promise<void>;
  /** Keeps the code that the start compiled for the next one. */
  readonly keepCode: () => void;
  /** Descriptors that the daemon was started with and uses itself. */
  readonly ownDescriptors: readonly number[];
}

/** Builds the daemon from its rooms. Nothing listens and nothing is spawned before `start`. */
export async function createApp({
  first,
  writer,
  load,
  files,
  program,
  faults,
  lock,
  reloading,
  keepCode,
  ownDescriptors,
}: AppOptions): Promise<App> {
  const clock = systemClock;
  const startTimeMs = clock.wallMs();
  const startedAtMs = clock.monotonicMs();
  let loaded = first;
  const { settings } = first;
  const { stateDir } = settings.agent;
  const { security } = settings.api;
  const environment = processEnv();
  const serving = Promise.withResolvers<void>();
  void serving.promise.then(keepCode).then(collectOften).then(optimizeLate);
  let stopGivingBack = (): void => {};
  const foundation = await openFoundation({ settings, writer, program, environment, serving: serving.promise, clock });
  const { telemetry, logger, metrics, store, journal, logs } = foundation;
  for (const warning of first.warnings) logger.warn({ warning }, 'the configuration is fit, and something in it is odd');
  const sending = new AbortController();
  const traces = openTraces({ store, settings: settings.traces, journal, lines: traceLines(logs), clock, logger, metrics });
  telemetry.keepSpans(traces.sink);
  const { spans } = telemetry;
  const audit = await openAudit({ store, settings: settings.audit, clock, logger, metrics });
  const tokens = createNote(clock);
  const { authEnabled, authToken } = security;
  /** A change of a token that no caller asked for: an entry of the agent's own. */
  const tokenChanged = async (method: string, changes: readonly string[]): Promise<void> => {
    const own = { principal: 'agent', via: 'agent', peer: '', target: 'admin', traceId: '' };
    const entry = await audit.begin({ ...own, method, changes, timeMs: clock.wallMs() });
    await entry.finish({ code: 'OK', reason: '' });
  };
  if (authEnabled && ensureAdminToken({ stateDir, hasStaticToken: authToken !== undefined, clock }) !== undefined) {
    await tokenChanged('token.create', ['scopes']);
  }
  const access = openAccess({ stateDir, authEnabled, authToken, clock, onProblem: (problem) => tokens.note(problem ?? '') });
  const ownTarget = `unix:${settings.api.unixSocket.path}`;
  const supervision = await openSupervision({
    settings,
    foundation,
    access,
    environment,
    ownTarget,
    reloadDelayMs: () => loaded.settings.agent.reloadDelayMs,
    rerun: () => (schedule.enabled() ? schedule.runNow : undefined),
    ownDescriptors,
    clock,
  });
  const { plugins: room, configs: processConfigs, supervisor } = supervision;
  const business = await openBusinessMetrics({ journal, metrics, store: totalsStore(store, 'business'), clock });
  const schedule = createSchedule({
    settings: settings.sboxmgr.schedule,
    publisher: journal,
    logs,
    clock,
    logger,
    metrics,
    spans,
    environment: { ...environment, SBOXAGENT_TARGET: ownTarget },
    directory: join(stateDir, 'sboxmgr'),
  });
  const putIntoEffect = async (changed: LoadedSettings): Promise<void> => {
    const next = { ...changed, settings: activeSettings(settings, changed.settings) };
    if (next.settings.api.security.authToken !== loaded.settings.api.security.authToken) {
      // The file has it already: what cannot be written down is said, and the token that is in effect is the one that is configured.
      await tokenChanged('token.change', ['auth_token']).catch((error: unknown) =>
        logger.error({ error }, 'a changed token is not in the audit'),
      );
    }
    loaded = next;
    const { agent, api: front, audit: audited, traces: tracing, events, logs: kept, alerts: rules, sboxmgr } = next.settings;
    telemetry.setLogLevel(agent.logLevel);
    frontDoor.reconfigure(front);
    access.reload({ authToken: front.security.authToken });
    journal.setRetention(events.retention);
    logs.setRetention(kept);
    audit.setSettings(audited);
    traces.setSettings(tracing);
    alerts.setSettings(rules);
    schedule.setSettings(sboxmgr.schedule);
    await supervision.apply(next.settings);
  };
  const config = await openConfig({
    load,
    first,
    files,
    apply: (changed) => reloading(() => putIntoEffect(changed)),
    store,
    journal,
    clock,
    logger,
    stateDir,
    autoReload: () => loaded.settings.agent.autoReload,
    reloadDelayMs: () => loaded.settings.agent.reloadDelayMs,
    running: () => new Set(supervisor.list().flatMap(({ id, pid }) => (pid > 0 ? [id] : []))),
  });
  const reload = reloadWithCertificate(config, () => frontDoor.renewCertificate());
  const certificate = createCertificateNews({ journal, logger, clock, auto: () => loaded.settings.agent.autoReload });
  const alerts = await openAlerts({
    store,
    journal,
    metrics,
    spans,
    builtIn: builtInRules({
      plugins: room.plugins,
      supervisor,
      config,
      journal,
      metrics,
      access,
      goneAgents: () => fleet?.goneAgents() ?? [],
      haltedRollouts: () => fleet?.haltedRollouts() ?? [],
      tls: () => loaded.settings.api.tls,
      clock,
    }),
    settings: settings.alerts,
    clock,
    logger,
    agentName: settings.agent.name,
  });
  const bridge = openBridge({
    settings: settings.sboxmgr.socket,
    publisher: journal,
    status: () => ({
      version: program.version,
      uptimeMs: clock.monotonicMs() - startedAtMs,
      health: health.status(),
      facts: { name: settings.agent.name, pid: process.pid, processes: supervisor.list().length, plugins: room.plugins.list().length },
    }),
    clock,
    logger,
    metrics,
  });
  const fleet = await joinFleet({
    ...{ settings: settings.fleet, version: program.version, health: () => health },
    serve: (call) => frontDoor.serveMessage(call),
    ...{ supervisor, alerts, journal, store, clock, logger, metrics },
  });
  const health = createHealthBoard(
    {
      agent: faults,
      access: tokens.health,
      ...(settings.api.tls !== undefined && { tls: certificate.health }),
      alerts: alerts.health,
      config: config.health,
      ...(fleet !== undefined && { fleet: fleet.health }),
      journal: journal.health,
      logs: logs.health,
      plugins: room.health,
      processes: supervisor.health,
      schedule: schedule.health,
      sboxmgr: bridge.health,
    },
    clock,
  );
  let listeners: readonly string[] = [];
  let stopFollowing = (): void => {};
  const status = (): StatusSnapshot => ({
    ...program,
    name: settings.agent.name,
    startTimeMs,
    uptimeMs: clock.monotonicMs() - startedAtMs,
    pid: process.pid,
    listeners,
    configPaths: loaded.paths,
    configEtag: config.get().etag,
    plugins: room.size(),
    ...frontDoor.stats(),
  });
  const requests = requestMemory(store, clock);
  const api = createApi({
    journal,
    logs,
    supervisor,
    configs: processConfigs,
    explain: (id) => explainProcess({ supervisor, journal, logs, configs: processConfigs }, id),
    plugins: room.plugins,
    alerts,
    audit,
    traces,
    fleet,
    config: { ...config, reload },
    custom: telemetry.custom,
    metrics: { snapshot: telemetry.snapshot, rollups: foundation.history.rollups, points: foundation.history.points, wallMs: clock.wallMs },
    health,
    status,
    requests,
    api: () => loaded.settings.api,
  });
  const frontDoor = createFrontDoor({
    api: settings.api,
    audit,
    access,
    telemetry,
    clock,
    methods: api.methods,
    plain: [...metricsRoutes(metrics, settings.api.metrics), ...referenceRoutes(), ...pageRoutes(settings.api)],
    certificate: certificate.watch,
    unixSocketPath: settings.api.unixSocket.path,
  });

  /** In the order of the route DEATH (docs/architecture.md). */
  const endings: readonly Ending[] = [
    ['front door', () => frontDoor.stop(frontDoorStopMs)],
    ['sboxmgr', () => bridge.stop()],
    ['files', () => stopFollowing()],
    ['config', () => config.stop()],
    ['schedule', () => schedule.stop()],
    ...supervision.endings,
    ['alerts', () => alerts.stop()],
    ['fleet', () => fleet?.stop()],
    ['health', () => health.stop()],
    ['access', () => access.stop()],
    ['business', () => business.stop()],
    ['sent logs', () => sending.abort()],
    ['audit', () => audit.stop()],
    ['traces', () => traces.stop()],
    ...foundation.endings,
    ['lock', () => lock.release()],
  ];
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopGivingBack();
    logger.info({}, 'agent stopping');
    journal.emit({ type: 'agent.stopping', subject: settings.agent.name, data: { pid: process.pid } });
    health.stopping();
    await endAll(endings, { clock, logger });
  };

  return {
    logger,
    health: health.snapshot,
    processes: () => supervisor.list().map(({ state }) => state),
    async start() {
      try {
        // What happened while there was no agent is known before anyone can ask.
        await room.start();
        void processConfigs.start(supervisor).catch((err: unknown) => logger.error({ err }, 'interrupted applies could not be ended'));
        // The port last: who is answered there finds every other door open too.
        await bridge.start();
        listeners = await frontDoor.start();
      } catch (error) {
        for (const [, end] of endings.slice(1)) await Promise.resolve(end()).catch(() => {});
        throw error;
      }
      journal.emit({ type: 'agent.started', subject: settings.agent.name, data: { version: program.version, pid: process.pid } });
      logger.info({ version: program.version, listeners, state_dir: stateDir, config: loaded.paths }, 'agent started');
      clock.after(settledMs, serving.resolve);
      void sendLogs({ telemetry, logs, logger, clock, signal: sending.signal });
      stopGivingBack = giveMemoryBack(ownMemory(clock, store.giveMemoryBack));
      config.start();
      stopFollowing = followSecretFiles({ loaded: () => loaded, clock, reload: config.reload });
      alerts.start();
      fleet?.start();
      // Served while units start: one that takes its time must not keep the agent from saying so.
      supervisor
        .startAll()
        .then(() => stopping ?? schedule.start())
        .catch((error: unknown) => logger.error({ err: error }, 'units could not be started'));
    },
    async reload() {
      // What is refused has its event and its line from the room.
      await reload({ name: 'file', reason: 'SIGHUP', traceId: '' }).catch(() => {});
    },
    stop: () => (stopping ??= stop()),
  };
}
