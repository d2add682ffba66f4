import type { HealthBoard, HealthComponent, HealthSnapshot, HealthStatus } from '../api/index.ts';
import type { Clock } from '../kernel/clock.ts';

const CHECK_EVERY_MS = 500;
const rank: Readonly<Record<HealthStatus, number>> = { HEALTHY: 0, DEGRADED: 1, UNHEALTHY: 2 };

export type Judge = () => Omit<HealthComponent, 'name'>;

function worst(components: readonly HealthComponent[]): HealthStatus {
  return components.reduce<HealthStatus>((status, c) => (rank[c.status] > rank[status] ? c.status : status), 'HEALTHY');
}

/** Asks the rooms how they are: the worst component is the word for all. */
export function createHealthBoard(judges: Readonly<Record<string, Judge>>, clock: Clock): HealthBoard & { stopping(): void; stop(): void } {
  const listeners = new Set<(snapshot: HealthSnapshot) => void>();
  const named = Object.entries(judges);
  let leavingSinceMs: number | undefined;
  const snapshot = (): HealthSnapshot => {
    const components = named.map(([name, judge]) => ({ name, ...judge() }));
    if (leavingSinceMs !== undefined) {
      const leaving = { name: 'agent', status: 'UNHEALTHY', message: 'The agent is stopping.', sinceMs: leavingSinceMs } as const;
      return { status: 'UNHEALTHY', components: [leaving, ...components.filter(({ name }) => name !== 'agent')], timeMs: clock.wallMs() };
    }
    return { status: worst(components), components, timeMs: clock.wallMs() };
  };
  const status = (): HealthStatus => {
    if (leavingSinceMs !== undefined) return 'UNHEALTHY';
    let word: HealthStatus = 'HEALTHY';
    for (const [, judge] of named) {
      const own = judge().status;
      if (rank[own] > rank[word]) word = own;
    }
    return word;
  };
  const fingerprint = (s: HealthSnapshot): string => s.components.map((c) => `${c.name}=${c.status}`).join();
  let last = '';
  const update = (): void => {
    const now = snapshot();
    if (fingerprint(now) === last) return;
    last = fingerprint(now);
    for (const fn of listeners) fn(now);
  };
  const stop = clock.every(CHECK_EVERY_MS, update);
  return {
    snapshot,
    status,
    onChange(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    stopping() {
      leavingSinceMs ??= clock.wallMs();
      update();
    },
    stop,
  };
}
