import { type Found, isTree, type Place, refuse, type Tree } from './document.ts';
import { aliases, type Key } from './keys.ts';
import { suggestion } from './suggest.ts';

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

/**
 * Walks a document by a table: every leaf is a row, every mapping a group of rows; an empty value stands for "not said".
 * `base` is put before the paths of refusals. @throws RefusedError for the first key that is none.
 */
export function collect(
  schema: Schema,
  tree: Tree,
  to: { readonly base: string; readonly set: (row: Key, entry: Found | Tree) => void },
): void {
  const said = new Map<string, Place>();
  const walk = (at: Tree, above: string): void => {
    for (const [name, entry] of at.entries) {
      const written = above === '' ? name : `${above}.${name}`;
      const path = aliases.get(written) ?? written;
      const row = schema.rows.get(path);
      const earlier = said.get(path);
      if (earlier !== undefined)
        throw refuse(entry, to.base + path, `given twice under two names, first in line ${earlier.line}; keep one`);
      said.set(path, entry);
      if (row !== undefined) to.set(row, entry);
      else if (!schema.children.has(path)) {
        throw refuse(entry, to.base + written, `unknown key${suggestion(name, schema.children.get(above) ?? [])}`);
      } else if (isTree(entry)) walk(entry, path);
      else if (entry.value !== null) throw refuse(entry, to.base + path, 'not a mapping of keys; write one key a line below it');
    }
  };
  walk(tree, '');
}

/** The value as plain data, mappings as objects with their texts as they are written. */
export function plain(entry: Found | Tree): unknown {
  if (!isTree(entry)) return entry.value;
  return Object.fromEntries(
    [...entry.entries].map(([name, value]) => {
      const scalar = !isTree(value) && ['number', 'boolean'].includes(typeof value.value);
      return [name, scalar ? value.words[0] : plain(value)];
    }),
  );
}
