import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Logs } from './types.ts';

/** Whether the disk takes lines. A change is logged once: the log line about it is itself one that cannot be stored. */
export function createStatus(options: { readonly clock: Clock; readonly logger: Logger }): {
  failed(error: unknown): void;
  succeeded(): void;
  health: Logs['health'];
} {
  let health: ReturnType<Logs['health']> = { status: 'HEALTHY', message: '', sinceMs: options.clock.wallMs() };
  const set = (status: 'HEALTHY' | 'DEGRADED', message: string): void => {
    health = { status, message, sinceMs: options.clock.wallMs() };
  };
  return {
    failed(error) {
      if (health.status === 'DEGRADED') return;
      set('DEGRADED', `log lines are dropped, the disk refuses them: ${error instanceof Error ? error.message : String(error)}`);
      options.logger.warn({ error }, 'log lines are dropped: the disk refuses them');
    },
    succeeded() {
      if (health.status === 'DEGRADED') set('HEALTHY', '');
    },
    health: () => health,
  };
}
