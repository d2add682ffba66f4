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
export function createHealth(clock: Clock): { update(views: readonly ProcessView[]): void; get(): Health } {
  let health: Health = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };
  return {
    update(views) {
      const message = views.flatMap((view) => complaint(view) ?? []).join('; ');
      const status = message === '' ? 'HEALTHY' : 'DEGRADED';
      health = { status, message, sinceMs: status === health.status ? health.sinceMs : clock.wallMs() };
    },
    get: () => health,
  };
}
