import { type Key, keyTable } from './keys.ts';

const byPath = (table: readonly Key[]): ReadonlyMap<string, Key> => new Map(table.map((row) => [row.path, row]));
const rows = byPath(keyTable);
const rowsOfUnits = new Map(keyTable.flatMap((row) => (row.type.kind === 'units' ? [[row, byPath(row.type.keys)] as const] : [])));

/** The row at or above this path. */
function rowIn(
  table: ReadonlyMap<string, Key>,
  path: readonly string[],
): { readonly row: Key; readonly rest: readonly string[] } | undefined {
  for (let n = path.length; n > 0; n--) {
    const row = table.get(path.slice(0, n).join('.'));
    if (row !== undefined) return { row, rest: path.slice(n) };
  }
  return undefined;
}

/**
 * The scope that a change of this leaf needs, by its names one by one, since an id may have dots. A whole unit that comes or goes is
 * judged by its leaves. What no row knows (a merge key of YAML, a misspelling) is the admin's.
 */
export function scopeOfKey(path: readonly string[]): Key['scope'] {
  const found = rowIn(rows, path);
  if (found === undefined) return 'admin';
  const { row, rest } = found;
  const unitRows = rowsOfUnits.get(row);
  return unitRows === undefined ? row.scope : (rowIn(unitRows, rest.slice(1))?.row.scope ?? 'admin');
}
