import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureAdminToken, openAccess } from '../access/index.ts';
import { createApi, createFrontDoor } from '../api/index.ts';
import { openJournal } from '../events/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { openLogs } from '../logs/index.ts';
import { createSupervisor } from '../processes/index.ts';
import { diffSettings, type LoadedSettings, type Settings } from '../settings/index.ts';
import { openStore, requestMemory, storeModules } from '../store/index.ts';
import { observeSystem, startTelemetry } from '../telemetry/index.ts';
import { createHealthBoard } from './health-board.ts';
import { lockStateDir } from './lock.ts';
import type { ProgramVersion } from './version.ts';

/** How long the daemon gives each part to end before it goes on without it, in milliseconds. */
const STOP_DEADLINE_MS = 20_000;
const DRAIN_DEADLINE_MS = 3_000;

export interface App {
  start(): Promise<void>;
  /** Puts into effect what of the newly read settings can be applied live, and logs the keys that need a restart. What is refused changes nothing. */
  reload(load: () => LoadedSettings): Promise<void>;
  stop(): Promise<void>;
}

/** The three gates of the state directory: it exists, it is ours alone, and no other daemon has it. */
function claimStateDir(stateDir: string): { release(): void } {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  chmodSync(stateDir, 0o700);
  return lockStateDir(join(stateDir, 'lock'));
}

/** Builds the daemon from its rooms. Nothing listens and nothing is spawned before `start`. */
export async function createApp(loaded: LoadedSettings, program: ProgramVersion): Promise<App> {
  const clock = systemClock;
  let { settings } = loaded;
  let current = loaded;
  process.umask(0o077);
  const lock = claimStateDir(settings.agent.stateDir);
  const stateDir = settings.agent.stateDir;
  const telemetry = await startTelemetry({
    ...program,
    instanceName: settings.agent.name,
    logLevel: settings.agent.logLevel,
    otlpEndpoint: settings.telemetry.otlpEndpoint,
    sampleRatio: settings.telemetry.sampleRatio,
    env: processEnv(),
    clock,
  });
  const { logger, metrics } = telemetry;
  const startTimeMs = clock.wallMs();
  const startMonotonicMs = clock.monotonicMs();
  const store = await openStore({ path: join(stateDir, 'sboxagent.db'), durability: settings.events.durability, modules: storeModules, clock, logger });
