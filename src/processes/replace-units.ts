import type { UnitSettings } from '../settings/types.ts';
import type { Instance } from './instance.ts';
import type { Order } from './order.ts';
import type { Roster } from './roster.ts';

/** How the declared units have changed, by id. */
export interface UnitChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface ReplaceUnits {
  readonly roster: Roster;
  readonly order: Order;
  /** Removals that are under way, by id. */
  readonly leaving: ReadonlyMap<string, Promise<void>>;
  readonly add: (unit: UnitSettings, isInline: boolean) => Instance;
  readonly remove: (instance: Instance) => Promise<void>;
  /** Restarts a unit whose program would be started differently. Never rejects. */
  readonly renew: (instance: Instance) => Promise<void>;
}

/** Puts other declared units in the place of those that there are; what did not change keeps running. */
export async function replaceUnits(deps: ReplaceUnits, next: Readonly<Record<string, UnitSettings>>): Promise<UnitChanges> {
  const { roster, order, leaving, add, remove, renew } = deps;
  const declared = roster.all().filter((instance) => !instance.inline && !instance.isLeaving());
  const removed = declared.filter((instance) => next[instance.id] === undefined);
  const added = Object.values(next).filter((unit) => roster.get(unit.id)?.inline !== false);
  const changed = declared.filter((i) => next[i.id] !== undefined && JSON.stringify(next[i.id]) !== JSON.stringify(i.unit()));
  // Before anything is stopped: a unit that no longer depends on one that goes is not stopped with it.
  const renewed = changed.filter((instance) => instance.update(next[instance.id] ?? instance.unit()));
  await Promise.all(removed.map(remove));
  // A unit that takes the id of an inline process takes its place.
  await Promise.all(
    added.map((unit) => {
      const present = roster.get(unit.id);
      return leaving.get(unit.id) ?? (present === undefined ? undefined : remove(present));
    }),
  );
  const made = added.map((unit) => add(unit, false));
  await Promise.all(renewed.map(renew));
  await order.startAll(made.filter((instance) => instance.wantsStart()));
  return { added: added.map((unit) => unit.id), removed: removed.map((i) => i.id), changed: changed.map((i) => i.id) };
}
