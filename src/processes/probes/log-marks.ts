import { type LinePattern, linePattern } from '../../kernel/line-pattern.ts';
import type { Collection } from '../../logs/types.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { ProbeRole } from './records.ts';

/** Which probes of kind `log` have seen their line. The mark stays: a probe of that kind never fails again in this run. */
export interface LogMarks {
  has(role: ProbeRole): boolean;
}

export interface LogWatch {
  readonly collection: Collection;
  readonly marked: readonly ProbeRole[];
  readonly signal: AbortSignal;
  /** Told of each that matched, once. */
  readonly seen: (role: ProbeRole) => void;
  /** Told of each whose pattern takes too long. */
  readonly givenUp: (role: ProbeRole) => void;
}

/** Looks at every line of the run until all have matched, or the signal fires. */
export function watchLog(probes: UnitSettings['probes'], { collection, marked, signal, seen, givenUp }: LogWatch): LogMarks {
  const found = new Set(marked);
  const wanted = new Map<ProbeRole, LinePattern>();
  for (const role of ['startup', 'readiness', 'liveness'] as const) {
    const action = probes[role]?.action;
    if (action?.kind === 'log' && !found.has(role)) wanted.set(role, linePattern(action.pattern, { onGivenUp: () => givenUp(role) }));
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
