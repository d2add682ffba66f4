import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Instance } from './instance.ts';
import type { ProcessChange, ProcessView } from './types.ts';

/** The instances that there are, by id, and who is told when one changes. */
export interface Roster {
  add(id: string, create: () => Instance): Instance;
  get(id: string): Instance | undefined;
  /** Throws PROCESS_NOT_FOUND. */
  find(id: string): Instance;
  all(): readonly Instance[];
  units(): readonly UnitSettings[];
  /** By id. */
  list(): readonly ProcessView[];
  /** Takes one out that has been removed. */
  drop(id: string): void;
  changed(view: ProcessView): void;
  onChange(fn: (change: ProcessChange) => void): () => void;
}

export function createRoster(logger: Logger): Roster {
  const instances = new Map<string, Instance>();
  const listeners = new Set<(change: ProcessChange) => void>();
  const notify = (change: ProcessChange): void => {
    for (const fn of listeners) {
      try {
        fn(change);
      } catch (error) {
        logger.error({ error }, 'a listener to processes failed'); // its fault is not that of the process, nor of the others
      }
    }
  };
  const all = (): readonly Instance[] => [...instances.values()];
  return {
    add(id, create) {
      const instance = create();
      instances.set(id, instance);
      notify({ processes: [instance.view()], removedIds: [] });
      return instance;
    },
    get: (id) => instances.get(id),
    find(id) {
      const instance = instances.get(id);
      if (instance === undefined) throw new AgentError('PROCESS_NOT_FOUND', `there is no process ${id}`, { metadata: { process_id: id } });
      return instance;
    },
    all,
    units: () => all().map((instance) => instance.unit()),
    list: () =>
      all()
        .map((instance) => instance.view())
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    drop(id) {
      if (instances.delete(id)) notify({ processes: [], removedIds: [id] });
    },
    // An instance that is being made, or was taken out, has nothing to tell.
    changed: (view) => void (instances.has(view.id) && notify({ processes: [view], removedIds: [] })),
    onChange(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
}
