import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { ProcessSupervisor } from '../processes/index.ts';
import type { UnitSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/index.ts';

/** A change of the configuration is answered by then: a unit may take longer to stop, or to become ready. */
const patienceMs = 5000;

/** Brings the units of a new configuration about, one change after the other. */
export interface UnitChanges {
  /** Resolves when it is done, or after 5 s; it goes on by itself. Never throws. */
  apply(units: Readonly<Record<string, UnitSettings>>): Promise<void>;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

export function createUnitChanges(options: {
  readonly supervisor: Pick<ProcessSupervisor, 'setUnits'>;
  /** Their configs: brought into line before. */
  readonly configs: { setUnits(units: Readonly<Record<string, UnitSettings>>): Promise<void> };
  readonly logger: Logger;
  readonly clock: Clock;
}): UnitChanges {
  const { supervisor, configs, logger, clock } = options;
  let last: Promise<void> = Promise.resolve();
  return {
    async apply(units) {
      last = last.then(async () => {
        try {
          await configs.setUnits(units);
          await supervisor.setUnits(units);
        } catch (error) {
          logger.error({ err: error }, 'units of the new configuration could not be brought about');
        }
      });
      await within(clock, patienceMs, last);
    },
    stop: () => last,
  };
}
