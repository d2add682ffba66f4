import type { Alerts } from '../alerts/index.ts';
import { eventText, type HealthBoard, type MessageCall } from '../api/index.ts';
import type { Journal } from '../events/index.ts';
import type { Fleet } from '../fleet/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Supervisor } from '../processes/index.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Store } from '../store/index.ts';
import type { Telemetry } from '../telemetry/index.ts';

export interface JoinOptions {
  readonly settings: FleetSettings | undefined;
  readonly version: string;
  readonly health: () => HealthBoard;
  /** Serves a call through the gate. */
  readonly serve: (call: MessageCall) => void;
  readonly supervisor: Pick<Supervisor, 'list'>;
  readonly alerts: Pick<Alerts, 'list'>;
  readonly journal: Journal;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Telemetry['logger'];
  readonly metrics: Telemetry['metrics'];
}

/** The agent's place in its fleet; undefined where none is configured, and then nothing of it is loaded. */
export async function joinFleet({ settings, version, health, supervisor, alerts, ...common }: JoinOptions): Promise<Fleet | undefined> {
  if (settings === undefined) return undefined;
  const { openFleet } = await import('../fleet/index.ts');
  return openFleet({
    ...common,
    ...{ settings, version },
    encode: eventText,
    snapshot: () => ({
      health: health().snapshot().status,
      alerts_firing: alerts.list().filter(({ state }) => state === 'FIRING').length,
      units: supervisor.list().map(({ id, state }) => ({ id, state })),
    }),
    configRevision: (unit) => supervisor.list().find(({ id }) => id === unit)?.configRevision,
  });
}
