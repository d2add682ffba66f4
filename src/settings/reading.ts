import { dirname } from 'node:path';
import { ownLogSource } from '../kernel/own-names.ts';
import { type Entries, type Item, put } from './entries.ts';
import { overrides } from './environment.ts';
import { type FileOptions, readFiles } from './files.ts';
import { type Key, keyTable } from './keys.ts';
import { type Problems, refuse } from './problems.ts';
import { collect, type Schema, schemaOf } from './schema.ts';
import { type Found, isTree, plain, type Tree } from './tree.ts';
import { type Units, unitId } from './units.ts';
import type { Written } from './values.ts';

interface Into {
  readonly entries: Entries;
  readonly units: Units;
  readonly problems: Problems;
}

const schema = schemaOf(keyTable);
const maxUnits = 1000;

/** What the files and the environment say, as far as it can be read; the rest is added to `problems`. */
export function readSources(paths: readonly string[], options: FileOptions, problems: Problems): Omit<Into, 'problems'> {
  const entries: Entries = new Map();
  const units: Units = new Map();
  for (const tree of readFiles(paths, options.texts, problems)) readTree(tree, { entries, units, problems });
  for (const { path, ...given } of overrides(options.env, units, problems)) {
    problems.attempt(() => put(entries, path, { ...given, directory: options.cwd }));
  }
  return { entries, units };
}

/** Takes what a file says. */
function readTree(tree: Tree, into: Into): void {
  const { entries, problems } = into;
  const directory = dirname(tree.file);
  collect(schema, tree, {
    base: '',
    problems,
    set(row, entry) {
      const { kind } = row.type;
      if (kind === 'units' && isTree(entry)) readUnits(entry, row, into);
      else if (kind === 'list' && !isTree(entry) && Array.isArray(entry.value)) readList(entry, row, into);
      else put(entries, row.path, { row, written: writtenIn(entry), at: entry, directory });
    },
  });
}

function writtenIn(entry: Found | Tree): Written {
  return isTree(entry) ? { value: plain(entry), words: [] } : entry;
}

function readUnits(tree: Tree, row: Key, into: Into): void {
  if (tree.entries.size > maxUnits) {
    throw refuse(tree, row.path, { rule: 'range', message: `more than ${maxUnits} units; declare fewer` });
  }
  for (const [id, entry] of tree.entries) into.problems.attempt(() => readUnit(entry, { above: row, id }, into));
}

function readUnit(tree: Tree | Found, { above, id }: { readonly above: Key; readonly id: string }, into: Into): void {
  const base = `${above.path}.${id}`;
  const keys = above.type.kind === 'units' ? above.type.keys : [];
  if (!unitId.test(id)) {
    const message = 'not an id; lower-case letters, digits, ".", "_", "-", at most 63, a letter or digit first';
    throw refuse(tree, base, { rule: 'type', message });
  }
  if (id === ownLogSource) {
    throw refuse(tree, base, {
      rule: 'unfit',
      message: "the agent's own log has this name, and lines of both would stand under it; choose another id",
    });
  }
  if (!isTree(tree)) throw refuse(tree, base, { rule: 'type', message: 'not a mapping of keys; give engine or command' });
  const earlier = into.units.get(id);
  if (earlier === undefined) into.units.set(id, { base, tree, keys });
  else {
    const [plugin, other] = base.startsWith('plugins.') ? [{ base, tree }, earlier] : [earlier, { base, tree }];
    into.problems.add(refuse(plugin.tree, plugin.base, `${other.base} has this id too; choose another one`));
  }
  collect(schemaOfTable(keys), tree, {
    base: `${base}.`,
    problems: into.problems,
    set(row, entry) {
      put(into.entries, `${base}.${row.path}`, { row, written: writtenIn(entry), at: entry, directory: dirname(tree.file) });
    },
  });
}

function readList(list: Found, row: Key, { entries, problems }: Into): void {
  const { keys, most } = row.type.kind === 'list' ? row.type : { keys: [], most: 0 };
  if (list.items.length > most) throw refuse(list, row.path, { rule: 'range', message: `more than ${most}; give fewer` });
  const items = list.items.flatMap((tree, i) => {
    const base = `${row.path}[${i}]`;
    if (!isTree(tree)) {
      problems.add(refuse(tree, base, { rule: 'type', message: 'not a mapping of keys; write - name: ...' }));
      return [];
    }
    const item: Item = { base, tree, keys, entries: new Map() };
    collect(schemaOfTable(keys), tree, {
      base: `${base}.`,
      problems,
      set(key, entry) {
        const given = { row: key, written: writtenIn(entry), at: entry, directory: dirname(tree.file) };
        put(item.entries, key.path, { ...given, above: `${base}.` });
      },
    });
    return [item];
  });
  entries.set(row.path, { value: items, source: list.file, at: list });
}

/** Each table is indexed once. */
const schemas = new Map<readonly Key[], Schema>();

function schemaOfTable(keys: readonly Key[]): Schema {
  const schema = schemas.get(keys) ?? schemaOf(keys);
  schemas.set(keys, schema);
  return schema;
}
