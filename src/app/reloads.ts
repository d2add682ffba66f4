import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { createNote, type Judge } from './health-board.ts';

export interface Applied {
  readonly applied: readonly string[];
  readonly restartRequired: readonly string[];
}

export interface Reloads {
  /**
   * Reads the configuration and applies it, one reload after the other. A refused one leaves the old in force, is told once as
   * `config.rejected`, and keeps the component DEGRADED until a good one comes.
   */
  run(
    load: () => LoadedSettings,
    apply: (next: LoadedSettings) => Promise<Applied | undefined>,
    tell: { journal: Journal; logger: Logger },
  ): Promise<void>;
  readonly health: Judge;
}

export function createReloads(clock: Clock): Reloads {
  const note = createNote(clock);
  let last: Promise<void> = Promise.resolve();
  const one: Reloads['run'] = async (load, apply, { journal, logger }) => {
    try {
      const applied = await apply(load());
      note.note('');
      if (applied)
        journal.emit({
          type: 'config.applied',
          subject: 'agent',
          data: { applied: applied.applied, restart_required: applied.restartRequired },
        });
    } catch (error) {
      if (!(error instanceof RefusedError)) logger.error({ err: error }, 'reload failed');
      const message = error instanceof Error ? error.message : String(error);
      if (!note.note(`The configuration was not reloaded, the old one is in force: ${message}`)) return;
      logger.warn({ problem: message }, 'configuration refused; the old one stays in force');
      journal.emit({ type: 'config.rejected', subject: 'agent', severity: 'WARNING', data: { problem: message } });
    }
  };
  return {
    run(load, apply, tell) {
      last = last.then(() => one(load, apply, tell));
      return last;
    },
    health: note.health,
  };
}
