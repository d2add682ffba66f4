import type { HealthSnapshot } from '../api/index.ts';
import type { Clock } from '../kernel/clock.ts';

/** Pieces of the watchdog's time between two signs of life; one may be lost. */
const signsPerTimeout = 3;
/** How often the status is looked at. */
const statusEveryMs = 1000;
const longestStatus = 300;

/** What a service manager is given of the daemon. */
export interface DaemonState {
  /** The state of every process. */
  readonly processes: () => readonly string[];
  readonly health: () => HealthSnapshot;
}

export interface ServiceManager {
  /** The daemon serves: READY=1 once its health is not UNHEALTHY, signs of life and a status from now on. */
  serving(daemon: DaemonState): void;
  /** RELOADING=1, then READY=1 whatever came of it: what was refused is in the status. Reloads within another are part of it. Rejects as `reload` does. */
  reloading(reload: () => Promise<void>): Promise<void>;
  stopping(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Half the time that the manager waits for a sign of life is the habit; a third leaves room for one that is late. undefined: it does not wait. */
export function signOfLifeEveryMs(environment: Environment, pid: number = process.pid): number | undefined {
  const micros = Number(environment['WATCHDOG_USEC']);
  const forUs = environment['WATCHDOG_PID'] === undefined || environment['WATCHDOG_PID'] === String(pid);
  return forUs && Number.isFinite(micros) && micros > 0 ? Math.max(1, Math.floor(micros / 1000 / signsPerTimeout)) : undefined;
}

/** `HEALTHY; 2 of 3 processes READY`, and what is not well first. */
export function statusLine({ processes, health }: DaemonState): string {
  const { status, components } = health();
  const unwell = components.filter((component) => component.status !== 'HEALTHY').map(({ name, message }) => `${name}: ${message}`);
  const states = processes();
  const ready = states.filter((state) => state === 'READY').length;
  const text = [status, `${ready} of ${states.length} processes READY`, ...unwell].join('; ');
  return text.replaceAll(/\s+/g, ' ').slice(0, longestStatus);
}

/**
 * Notifies systemd, or whoever speaks sd_notify(3), of the state of the daemon. The signs of life come from a timer of the event loop: a loop that
 * turns no more gives none, and the manager restarts the daemon, which adopts what it left running.
 */
export function createServiceManager(options: {
  readonly send: (lines: readonly string[]) => void;
  readonly environment: Environment;
  readonly clock: Clock;
}): ServiceManager {
  const { send, environment, clock } = options;
  let phase: 'starting' | 'ready' | 'stopping' = 'starting';
  let reloads = 0;
  let status = '';
  let current: DaemonState | undefined;
  const reportStatus = (): void => {
    if (current === undefined || phase === 'stopping') return;
    const now = statusLine(current);
    const ready = phase === 'starting' && current.health().status !== 'UNHEALTHY';
    if (ready) phase = 'ready';
    const lines = [...(ready ? ['READY=1'] : []), ...(now === status ? [] : [`STATUS=${now}`])];
    status = now;
    if (lines.length > 0) send(lines);
  };
  return {
    serving(daemon) {
      current = daemon;
      reportStatus();
      clock.every(statusEveryMs, reportStatus);
      const everyMs = signOfLifeEveryMs(environment);
      if (everyMs === undefined) return;
      send(['WATCHDOG=1']);
      clock.every(everyMs, () => send(['WATCHDOG=1']));
    },
    async reloading(reload) {
      reloads += 1;
      // CLOCK_MONOTONIC, by which the manager distinguishes this reload from an older one.
      if (phase === 'ready' && reloads === 1) send(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
      try {
        await reload();
      } finally {
        reloads -= 1;
        if (phase === 'ready' && reloads === 0) {
          send(['READY=1']);
          reportStatus();
        }
      }
    },
    stopping() {
      phase = 'stopping';
      send(['STOPPING=1', 'STATUS=stopping']);
    },
  };
}
