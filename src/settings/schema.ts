import { aliases, type Key } from './keys.ts';
import { type Place, type Problems, refuse, syntax } from './problems.ts';
import { suggestion } from './suggest.ts';
import { type Found, isTree, type Tree } from './tree.ts';

/** A table of keys, indexed for walking documents. */
export interface Schema {
  readonly rows: ReadonlyMap<string, Key>;
  /** Last segments by the path above them: `api.tls` -> cert_file, key_file, … */
  readonly children: ReadonlyMap<string, ReadonlySet<string>>;
}

export function schemaOf(keys: readonly Key[]): Schema {
  const children = new Map<string, Set<string>>([['', new Set()]]);
  for (const { path } of keys) {
    const parts = path.split('.');
    for (const [i, part] of parts.entries()) {
      const above = parts.slice(0, i).join('.');
      children.set(above, (children.get(above) ?? new Set()).add(part));
    }
  }
  return { rows: new Map(keys.map((row) => [row.path, row])), children };
}

export interface Collecting {
  /** Put before the paths of refusals. */
  readonly base: string;
  readonly problems: Problems;
  /** Takes a key; its refusal is a problem as any other. */
  readonly set: (row: Key, entry: Found | Tree) => void;
}

/** Walks a document by a table: every leaf is a row, every mapping a group of rows; an empty value stands for "not said". */
export function collect(schema: Schema, tree: Tree, { base, problems, set }: Collecting): void {
  const said = new Map<string, Place>();
  const take = (entry: Found | Tree, name: string, above: string): void => {
    const written = above === '' ? name : `${above}.${name}`;
    const path = aliases.get(written) ?? written;
    const row = schema.rows.get(path);
    const earlier = said.get(path);
    if (earlier !== undefined)
      throw refuse(entry, base + path, syntax(`given twice under two names, first in line ${earlier.line}; keep one`));
    said.set(path, entry);
    if (row !== undefined) set(row, entry);
    else if (!schema.children.has(path)) {
      const message = `unknown key${suggestion(name, schema.children.get(above) ?? [])}`;
      throw refuse(entry, base + written, { rule: 'unknown_key', message });
    } else if (isTree(entry)) walk(entry, path);
    else if (entry.value !== null) {
      throw refuse(entry, base + path, { rule: 'type', message: 'not a mapping of keys; write one key a line below it' });
    }
  };
  const walk = (at: Tree, above: string): void => {
    for (const [name, entry] of at.entries) problems.attempt(() => take(entry, name, above));
  };
  walk(tree, '');
}
