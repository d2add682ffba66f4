import type { Collection } from '../../logs/types.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { ProbeRole } from './records.ts';

/** Which probes of kind `log` have seen their line. The mark stays: a probe of that kind never fails again in this run. */
export interface LogMarks {
  has(role: ProbeRole): boolean;
}

/** Looks at every line of the run until all have matched, or the signal fires. `seen` is told of each once. */
export function watchLog(
  probes: UnitSettings['probes'],
  {
    collection,
    marked,
    signal,
    seen,
  }: { collection: Collection; marked: readonly ProbeRole[]; signal: AbortSignal; seen: (role: ProbeRole) => void },
): LogMarks {
  const found = new Set(marked);
  const wanted = new Map<ProbeRole, RegExp>();
  for (const role of ['startup', 'readiness', 'liveness'] as const) {
    const action = probes[role]?.action;
    if (action?.kind === 'log' && !found.has(role)) wanted.set(role, new RegExp(action.pattern));
  }
  if (wanted.size === 0) return { has: (role) => found.has(role) };
  const stop = collection.onLine((line) => {
    for (const [role, pattern] of wanted) {
      if (!pattern.test(line)) continue;
      wanted.delete(role);
      found.add(role);
      seen(role);
    }
  });
  signal.addEventListener('abort', stop, { once: true });
  return { has: (role) => found.has(role) };
}
