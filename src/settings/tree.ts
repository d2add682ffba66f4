import type { Place } from './problems.ts';

/** One value of a document and where it stands. */
export interface Found extends Place {
  /** A scalar, a list of scalars (what else stands in a list is an empty object), or null. */
  readonly value: unknown;
  /** The scalars as they are written: `1.10` and `0o660` are numbers to YAML and something else to people. */
  readonly words: readonly string[];
  /** What stands in a list, each with its line; empty for all else. */
  readonly items: readonly (Found | Tree)[];
}

/** What stands in a mapping: values and mappings by key, each with its line. */
export interface Tree extends Place {
  readonly entries: ReadonlyMap<string, Found | Tree>;
}

export function isTree(entry: Found | Tree): entry is Tree {
  return 'entries' in entry;
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
