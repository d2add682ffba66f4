import { type Place, refuse, type Tree } from './document.ts';
import type { Entries } from './entries.ts';
import { suggestion } from './suggest.ts';

export const unitId = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Where each unit stands. */
export type UnitPlaces = ReadonlyMap<string, Tree>;

/** Refuses units whose keys are well-formed and yet do not make a unit. @throws RefusedError */
export function refuseUnfitUnits(entries: Entries, units: UnitPlaces): void {
  for (const [id, tree] of units) refuseUnfitUnit(entries, `processes.units.${id}`, tree);
  refuseBadDependencies(entries, units);
}

function refuseUnfitUnit(entries: Entries, base: string, at: Place): void {
  const command = entries.get(`${base}.command`)?.value as readonly string[];
  const hasEngine = entries.has(`${base}.engine`);
  if (hasEngine === command.length > 0) {
    throw refuse(at, base, `${hasEngine ? 'both' : 'neither'} engine ${hasEngine ? 'and' : 'nor'} command; give exactly one of the two`);
  }
  if (hasEngine && !entries.has(`${base}.config_path`)) {
    throw refuse(at, base, 'an engine without config_path; name its configuration file');
  }
  if (!hasEngine && command[0] === '') throw refuse(at, `${base}.command`, 'the program has no name; put its path first');
}

function refuseBadDependencies(entries: Entries, units: UnitPlaces): void {
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): void => {
    if (done.has(id)) return;
    const path = `processes.units.${id}.depends_on`;
    const { value, at } = entries.get(path) ?? { value: [], at: { file: '', line: 0 } };
    for (const other of value as readonly string[]) {
      if (!units.has(other)) throw refuse(at, path, `there is no unit ${JSON.stringify(other)}${suggestion(other, units.keys())}`);
      const from = [...trail, id].indexOf(other);
      if (from >= 0) throw refuse(at, path, `a circle: ${[...trail, id, other].slice(from).join(' -> ')}; remove one of these`);
      visit(other, [...trail, id]);
    }
    done.add(id);
  };
  for (const id of units.keys()) visit(id, []);
}
