import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../telemetry/types.ts';
import { type Spawned, type SpawnRequest, spawnProgram } from '../spawner.ts';
import { type Launcher, LauncherLost, startLauncher } from './launcher.ts';

/** A launcher that ended without ever answering is tried again after this, doubled each time. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** Starts the programs of units: by the launcher, and by the agent's own fork where there is none or it has failed. */
export interface ProgramSpawner {
  /** `sweep` ends whatever a launcher that was lost has started of this run after all. Throws what the operating system refuses with. */
  spawn(request: SpawnRequest, sweep: () => Promise<unknown>): Promise<Spawned>;
  /** Starts the launcher, so that the first start finds one. */
  warm(): void;
  /** What was started goes on. */
  close(): void;
}

export interface ProgramSpawnerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What runs the launcher; undefined = there is none. */
  readonly perl: string | undefined;
}

export function createProgramSpawner({ clock, logger, perl }: ProgramSpawnerOptions): ProgramSpawner {
  let launcher: Launcher | undefined;
  let failures = 0;
  let notBeforeMs = 0;
  let closed = false;

  const open = (): Launcher | undefined => {
    if (launcher !== undefined || perl === undefined || closed || clock.monotonicMs() < notBeforeMs) return launcher;
    const opened = startLauncher(perl, clock);
    launcher = opened;
    void opened.gone.then(() => {
      launcher = undefined;
      if (!closed) replace(opened.wasWell());
    });
    return opened;
  };
  const replace = (wasWell: boolean): void => {
    failures = wasWell ? 0 : failures + 1;
    logger.warn({ failures }, 'the launcher of programs has ended; what it has started goes on');
    if (wasWell) open();
    else notBeforeMs = clock.monotonicMs() + Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
  };

  return {
    async spawn(request, sweep) {
      const through = open();
      if (through === undefined) return spawnProgram(request);
      try {
        return await through.spawn(request);
      } catch (error) {
        if (!(error instanceof LauncherLost)) throw error;
      }
      await sweep();
      return spawnProgram(request);
    },
    warm: () => void open(),
    close() {
      closed = true;
      launcher?.close();
    },
  };
}
