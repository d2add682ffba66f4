import { aliases, environmentName, type Key, keyTable } from './keys.ts';
import { isLinkVariable } from './link-variables.ts';
import { ownVariables } from './own-variables.ts';
import { type Place, type Problems, refuse } from './problems.ts';
import { suggestion } from './suggest.ts';
import type { Units } from './units.ts';
import { fromEnvironment, type Written } from './values.ts';

const otherNames: ReadonlySet<string> = new Set(ownVariables.map(({ name }) => name));

export interface Override {
  /** Dotted, with the unit's id where it is a unit's. */
  readonly path: string;
  readonly row: Key;
  readonly written: Written;
  readonly at: Place;
}

/** What the environment says, by the same tables as the files; a name that is no key's, or two keys', is a problem. */
export function overrides(env: Readonly<Record<string, string | undefined>>, units: Units, problems: Problems): readonly Override[] {
  const given = Object.entries(env).filter(
    ([name, text]) => isOurs(name) && text !== undefined && text !== '' && !isLinkVariable(name, text),
  );
  // Thousands, with many units.
  const names = given.length > 0 ? namesOf(units) : new Map<string, readonly Named[]>();
  const earlier = new Map<string, string>();
  return given.flatMap(([name, text = '']) => {
    const at = { file: `env ${name}`, line: 0 };
    const [key, ambiguous] = names.get(name) ?? [];
    if (key === undefined) {
      problems.add(
        refuse(at, '', { rule: 'unknown_key', message: `no key has this name${suggestion(name, [...names.keys(), ...otherNames])}` }),
      );
      return [];
    }
    if (ambiguous !== undefined) problems.add(refuse(at, '', `means ${key.path} and ${ambiguous.path}; say it in the file`));
    const other = earlier.get(key.path);
    if (other !== undefined) problems.add(refuse(at, '', `means ${key.path}, which ${other} says too; keep one`));
    earlier.set(key.path, name);
    return [{ ...key, written: fromEnvironment(key.row.type, text), at }];
  });
}

function isOurs(name: string): boolean {
  return name.startsWith('SBOXAGENT_') && !otherNames.has(name);
}

interface Named {
  readonly path: string;
  readonly row: Key;
}

function namesOf(units: Units): ReadonlyMap<string, readonly Named[]> {
  const names = new Map<string, Named[]>();
  const add = (name: string, key: Named): void => {
    names.set(name, [...(names.get(name) ?? []), key]);
  };
  for (const row of keyTable) {
    add(environmentName(row.path), { path: row.path, row });
    for (const [from, to] of aliases) {
      if (row.path.startsWith(`${to}.`)) add(environmentName(row.path.replace(to, from)), { path: row.path, row });
    }
  }
  for (const { base, keys } of units.values()) {
    for (const row of keys) add(environmentName(`${base}.${row.path}`), { path: `${base}.${row.path}`, row });
  }
  return names;
}
