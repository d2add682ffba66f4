import type { Journal } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logs } from '../logs/types.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger, Spans } from '../telemetry/types.ts';
import type { ProgramSpawner } from './launch/program-spawner.ts';
import type { OomWatch } from './oom.ts';
import type { ResourceReader } from './resources.ts';
import type { ProcessView } from './types.ts';
import type { UnitGroups } from './unit-groups.ts';

/** What every process of the room is given. */
export interface ProcessContext {
  readonly stateDir: string;
  /** The daemon's PATH: where engines are found by name. */
  readonly path: string;
  /** The daemon's environment; children get what environment.ts picks from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly journal: Pick<Journal, 'emit' | 'settled'>;
  readonly logs: Pick<Logs, 'collect'>;
  readonly logger: Logger;
  /** Shows starts in their trace; absent where nobody looks. */
  readonly spans?: Spans;
  readonly clock: Clock;
  readonly oom: OomWatch;
  readonly programs: ProgramSpawner;
  /** Where each unit has a cgroup of its own, if it can. */
  readonly groups: UnitGroups;
  readonly resources: ResourceReader;
  /** 0 (included) to 1 (excluded), for the jitter. */
  readonly random: () => number;
  /**
   * Asks the engine of a unit whether it would take the config that the next start uses: what it says against it, undefined when
   * nothing. Asked while a unit that has ended waits for its restart. Must not throw; absent where no engine is asked.
   */
  readonly checkConfig?: (unit: UnitSettings, configPath: string | undefined, signal: AbortSignal) => Promise<string | undefined>;
  /** What is known of the managed configs; absent where none is managed. Must not throw. */
  readonly configs?: {
    /** Revision in effect; 0 where there is none. */
    revisionOf(id: string): number;
    /** Masked diff from the last config that proved itself to the one in the file; empty where they are the same. */
    diffToLastGood(id: string): Promise<string>;
  };
  /** Told of every change, in order. */
  readonly changed: (view: ProcessView) => void;
}
