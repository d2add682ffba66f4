import { type Entries, type Item, putDefault } from './entries.ts';
import { type Problems, refuse } from './problems.ts';

/** The items of a list of mappings. */
export function itemsOf(entries: Entries, path: string): readonly Item[] {
  return (entries.get(path)?.value ?? []) as readonly Item[];
}

/** Judges each item, of which no two may have one name, and fills in its defaults. */
export function settleItems(items: readonly Item[], settle: (item: Item) => void, problems: Problems): void {
  const names = new Map<string, Item>();
  for (const item of items) {
    if (problems.touches([item.base])) continue;
    problems.attempt(() => {
      takeName(item, names);
      settle(item);
      for (const row of item.keys) putDefault(item.entries, '', row);
    });
  }
}

function takeName({ entries, base, tree }: Item, names: Map<string, Item>): void {
  const name = entries.get('name');
  if (name === undefined) throw refuse(tree, `${base}.name`, 'not given; every one needs a name');
  const earlier = names.get(String(name.value));
  if (earlier !== undefined) throw refuse(name.at, `${base}.name`, `${earlier.base} has this name too; choose another one`);
  names.set(String(name.value), { entries, base, tree, keys: [] });
}
