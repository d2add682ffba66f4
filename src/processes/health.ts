import type { Clock } from '../kernel/clock.ts';
import type { ProcessView, Supervisor } from './types.ts';

type Health = ReturnType<Supervisor['health']>;

/** What is wrong with a process, for a person; undefined when nothing is. */
function complaint(view: ProcessView): string | undefined {
  const failed = view.state === 'EXITED' && view.exit?.code !== 0;
  // Up, and yet not what it is for: no traffic passes.
  const unready = view.state === 'RUNNING' && view.reason === 'NOT_READY';
  const bad = view.state === 'CRASH_LOOP' || view.state === 'BACKOFF' || failed || unready;
  return bad ? `${view.id} is in ${view.state}: ${view.message}` : undefined;
}

/** The health component of all processes; `sinceMs` is when its status changed last. */
export interface ProcessHealth {
  update(view: ProcessView): void;
  forget(id: string): void;
  get(): Health;
}

export function createHealth(clock: Clock): ProcessHealth {
  const complaints = new Map<string, string>();
  let health: Health = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };
  const set = (id: string, said: string | undefined): void => {
    if (said === complaints.get(id)) return;
    if (said === undefined) complaints.delete(id);
    else complaints.set(id, said);
    const status = complaints.size === 0 ? 'HEALTHY' : 'DEGRADED';
    const message = [...complaints.keys()]
      .sort()
      .map((each) => complaints.get(each))
      .join('; ');
    health = { status, message, sinceMs: status === health.status ? health.sinceMs : clock.wallMs() };
  };
  return {
    update: (view) => set(view.id, complaint(view)),
    forget: (id) => set(id, undefined),
    get: () => health,
  };
}
