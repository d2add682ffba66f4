import type { Journal } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logs } from '../logs/types.ts';
import type { Logger } from '../telemetry/types.ts';
import type { ProcessView } from './types.ts';

/** What every process of the room is given. */
export interface ProcessContext {
  readonly stateDir: string;
  /** The daemon's PATH: where engines are found by name. */
  readonly path: string;
  /** The daemon's environment; children get what environment.ts picks from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly journal: Pick<Journal, 'emit'>;
  readonly logs: Pick<Logs, 'collect'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** 0 (included) to 1 (excluded), for the jitter. */
  readonly random: () => number;
  /** Told of every change, in order. */
  readonly changed: (view: ProcessView) => void;
}
