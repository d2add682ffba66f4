import type { Entries, Item } from './entries.ts';
import { itemsOf } from './items.ts';
import { keyTable } from './keys.ts';
import { notation } from './notation.ts';
import type { Units } from './units.ts';

type Mapping = Record<string, unknown>;

/** The effective document in the configuration's own keys and notation, secrets masked. */
export function toDocument(entries: Entries, units: Units): Readonly<Record<string, unknown>> {
  const document: Mapping = {};
  for (const row of keyTable) {
    const { kind } = row.type;
    const parts = row.path.split('.');
    if (kind === 'units') place(document, parts, unitsBelow(row.path, entries, units));
    else if (kind === 'list') place(document, parts, itemsOf(entries, row.path).map(itemDocument));
    else if (!masksFile(entries, row.path) && entries.has(row.path)) {
      place(document, parts, notation(row.type, entries.get(row.path)?.value));
    }
  }
  return document;
}

function unitsBelow(path: string, entries: Entries, units: Units): Mapping {
  const all: Mapping = {};
  for (const [id, { base, keys }] of units) {
    if (!base.startsWith(`${path}.`)) continue;
    const unit: Mapping = {};
    for (const row of keys) {
      const entry = entries.get(`${base}.${row.path}`);
      if (entry !== undefined) place(unit, row.path.split('.'), notation(row.type, entry.value));
    }
    all[id] = unit;
  }
  return all;
}

function itemDocument({ keys, entries }: Item): Mapping {
  const item: Mapping = {};
  for (const row of keys) {
    const entry = entries.get(row.path);
    if (entry !== undefined) place(item, row.path.split('.'), notation(row.type, entry.value));
    // A filter that takes every event has no key of its own.
    if (row.path === 'name' && entries.has('event')) item['event'] = {};
  }
  return item;
}

/** The token that a file holds is told by the file's name alone. */
function masksFile(entries: Entries, path: string): boolean {
  return path === 'api.security.auth_token' && entries.has('api.security.auth_token_file');
}

function place(document: Mapping, parts: readonly string[], value: unknown): void {
  let at = document;
  for (const part of parts.slice(0, -1)) {
    at[part] ??= {};
    at = at[part] as Mapping;
  }
  at[parts.at(-1) ?? ''] = value;
}
