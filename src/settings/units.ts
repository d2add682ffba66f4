import { formatDuration } from '../kernel/duration.ts';
import type { Entries } from './entries.ts';
import type { Key } from './keys.ts';
import { refuseUnfitRecovery } from './plugin-units.ts';
import { type Problems, refuse } from './problems.ts';
import { suggestion } from './suggest.ts';
import type { Tree } from './tree.ts';
import { refuseUnfitProbes } from './unit-probes.ts';

export const unitId = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** A unit as it was declared. */
export interface Declared {
  /** Dotted path: `processes.units.edge`. */
  readonly base: string;
  readonly tree: Tree;
  /** The table of its keys. */
  readonly keys: readonly Key[];
}

/** By id; no two have the same. */
export type Units = Map<string, Declared>;

/** Refuses units whose keys are well-formed and yet do not make a unit. */
export function refuseUnfitUnits(entries: Entries, units: Units, problems: Problems): void {
  for (const declared of units.values()) {
    if (problems.touches([declared.base])) continue;
    problems.attempt(() => refuseUnfitUnit(entries, declared));
    problems.attempt(() => refuseUnfitRestart(entries, declared));
    refuseUnfitProbes(entries, declared, problems);
    problems.attempt(() => refuseUnfitRecovery(entries, declared));
  }
  refuseBadDependencies(entries, units, problems);
}

function refuseUnfitUnit(entries: Entries, { base, tree }: Declared): void {
  const command = entries.get(`${base}.command`)?.value as readonly string[];
  const hasEngine = entries.has(`${base}.engine`);
  if (hasEngine === command.length > 0) {
    throw refuse(tree, base, `${hasEngine ? 'both' : 'neither'} engine ${hasEngine ? 'and' : 'nor'} command; give exactly one of the two`);
  }
  if (hasEngine && !entries.has(`${base}.config_path`)) {
    throw refuse(tree, base, 'an engine without config_path; name its configuration file');
  }
  if (!hasEngine && command[0] === '') throw refuse(tree, `${base}.command`, 'the program has no name; put its path first');
}

/** A ceiling below the first delay would silently be no delay that anybody has asked for. */
function refuseUnfitRestart(entries: Entries, { base, tree }: Declared): void {
  const [first, most] = [entries.get(`${base}.restart.base`), entries.get(`${base}.restart.max`)];
  if (first === undefined || most === undefined || (most.value as number) >= (first.value as number)) return;
  const [lowest, ceiling] = [formatDuration(first.value as number), formatDuration(most.value as number)];
  const message = `${ceiling} is below restart.base (${lowest}); give at least ${lowest}`;
  const at = [most.at, first.at].find(({ line }) => line > 0) ?? tree;
  throw refuse(at, `${base}.restart.max`, { rule: 'range', message });
}

function refuseBadDependencies(entries: Entries, units: Units, problems: Problems): void {
  const done = new Set<string>();
  /** From the unit where the search began to the one that is looked at. */
  const open = new Set<string>();
  const visit = (id: string, { base }: Declared): void => {
    if (done.has(id)) return;
    open.add(id);
    const path = `${base}.depends_on`;
    const { value, at } = entries.get(path) ?? { value: [], at: { file: '', line: 0 } };
    for (const other of new Set(value as readonly string[])) {
      const declared = units.get(other);
      if (declared === undefined) {
        problems.add(refuse(at, path, `there is no unit ${JSON.stringify(other)}${suggestion(other, units.keys())}`));
      } else if (open.has(other)) {
        const trail = [...open];
        const circle = [...trail.slice(trail.indexOf(other)), other];
        problems.add(refuse(at, path, `a circle: ${circle.join(' -> ')}; remove one of these`));
      } else visit(other, declared);
    }
    open.delete(id);
    done.add(id);
  };
  for (const [id, declared] of units) visit(id, declared);
}
