import { aliases, environmentName, type Key, keyTable, unitKeyTable } from './keys.ts';
import { type Place, type Problems, refuse } from './problems.ts';
import { suggestion } from './suggest.ts';
import { fromEnvironment, type Written } from './values.ts';

/** Names with our prefix that are the client's, the launcher's, the example's, or given to units. */
const otherNames = new Set(['CONFIG', 'TARGET', 'TOKEN', 'TOKEN_FILE', 'TIMEOUT', 'OUTPUT', 'DISABLE'].map((name) => `SBOXAGENT_${name}`));
const otherPrefixes = ['SBOXAGENT_EXAMPLE_', 'SBOXAGENT_UNIT'];

export interface Override {
  /** Dotted, with the unit's id where it is a unit's. */
  readonly path: string;
  readonly row: Key;
  readonly written: Written;
  readonly at: Place;
}

/** What the environment says, by the same tables as the files; a name that is no key's, or two keys', is a problem. */
export function overrides(
  env: Readonly<Record<string, string | undefined>>,
  unitIds: Iterable<string>,
  problems: Problems,
): readonly Override[] {
  const names = namesOf(unitIds);
  return Object.entries(env).flatMap(([name, text]) => {
    if (!name.startsWith('SBOXAGENT_') || otherNames.has(name) || otherPrefixes.some((other) => name.startsWith(other))) return [];
    if (text === undefined || text === '') return [];
    const at = { file: `env ${name}`, line: 0 };
    const [key, ambiguous] = names.get(name) ?? [];
    if (key === undefined) {
      problems.add(refuse(at, '', { rule: 'unknown_key', message: `no key has this name${suggestion(name, names.keys())}` }));
      return [];
    }
    if (ambiguous !== undefined) problems.add(refuse(at, '', `means ${key.path} and ${ambiguous.path}; say it in the file`));
    return [{ ...key, written: fromEnvironment(key.row.type, text), at }];
  });
}

interface Named {
  readonly path: string;
  readonly row: Key;
}

function namesOf(unitIds: Iterable<string>): ReadonlyMap<string, readonly Named[]> {
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
  for (const id of unitIds) {
    for (const row of unitKeyTable) {
      const path = `processes.units.${id}.${row.path}`;
      add(environmentName(path), { path, row });
    }
  }
  return names;
}
