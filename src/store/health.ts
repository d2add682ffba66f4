import type { Clock } from '../kernel/clock.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import type { Trouble } from './messages.ts';
import type { StoreHealth } from './types.ts';

export interface HealthOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

/** Puts together what is known of the disk, the threads and the file into one word. */
export function createHealth({ path, clock, logger, metrics }: HealthOptions) {
  const errors = metrics?.counter('sboxagent_store_errors_total');
  const listeners = new Set<(health: StoreHealth) => void>();
  const dead = new Map<string, string>();
  let trouble: Trouble | undefined;
  let quarantine: string | undefined;
  let current: StoreHealth = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };

  const judge = (): Omit<StoreHealth, 'sinceMs'> => {
    const [name] = dead.keys();
    if (name !== undefined)
      return { status: 'UNHEALTHY', message: `the ${name} of ${path} ended (${dead.get(name)}); it is being started again` };
    if (trouble) return { status: 'DEGRADED', ...trouble };
    if (quarantine === undefined) return { status: 'HEALTHY', message: '' };
    return { status: 'DEGRADED', kind: 'corrupt', message: `${path} was damaged; it was moved to ${quarantine}, and a new journal begun` };
  };
  const update = (): void => {
    const next = judge();
    if (next.status === current.status && next.kind === current.kind && next.message === current.message) return;
    const changed = next.status !== current.status || next.kind !== current.kind;
    current = { ...next, sinceMs: changed ? clock.wallMs() : current.sinceMs };
    if (!changed) return;
    if (next.status === 'HEALTHY') logger.info({ path }, 'the store can be written again');
    else logger.error({ path, kind: next.kind, detail: next.message }, 'the store is degraded');
    for (const fn of listeners) fn(current);
  };

  return {
    current: (): StoreHealth => current,
    troubled: (): boolean => trouble !== undefined,
    onChange(fn: (health: StoreHealth) => void): () => void {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    trouble(next: Trouble | undefined): void {
      if (next) errors?.add(1, { kind: next.kind });
      trouble = next;
      update();
    },
    quarantined(path: string): void {
      errors?.add(1, { kind: 'corrupt' });
      quarantine = path;
      update();
    },
    dead(thread: string, cause: string): void {
      errors?.add(1, { kind: 'thread' });
      dead.set(thread, cause);
      update();
    },
    alive(thread: string): void {
      dead.delete(thread);
      update();
    },
  };
}
