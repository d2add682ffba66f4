import { type ReadonlySignal, signal } from '@preact/signals';
import { type Alert, Alert_State } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { type Deps, whileOpen } from './processes.ts';
import { every } from './time.ts';

export interface Alerts {
  /** Those that fire; undefined before the first answer. */
  readonly firing: ReadonlySignal<readonly Alert[] | undefined>;
  /** Reads them now. */
  refresh(): Promise<void>;
}

const everyMs = 10_000;

/** Asked for and not watched: a browser has six connections to a host, and streams hold them. */
export function createAlerts({ session, clients }: Deps): Alerts {
  const firing = signal<readonly Alert[] | undefined>(undefined);
  const refresh = async (): Promise<void> => {
    const { alerts } = await clients.alerts.listAlerts({ filter: { states: [Alert_State.FIRING] }, pageSize: 200 });
    firing.value = alerts;
  };
  // What could not be read is read again with the next turn; the link says that there is none.
  const read = (): void => void refresh().catch(() => {});
  whileOpen(session, (stop) => {
    read();
    stop.addEventListener('abort', every(everyMs, read));
  });
  return { firing, refresh };
}
