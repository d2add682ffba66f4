import { resolve } from 'node:path';
import { mask } from '../kernel/redaction.ts';
import type { Key } from './keys.ts';
import { type Place, refuse } from './problems.ts';
import type { Tree } from './tree.ts';
import { understand, type Written } from './values.ts';

/** A value in force and where it came from. */
export interface Entry {
  readonly value: unknown;
  /** File, `env NAME`, `--state-dir`, or `default`. */
  readonly source: string;
  /** For refusals: file and line, or the variable. */
  readonly at: Place;
}

/** By dotted path, units' keys with their id. */
export type Entries = Map<string, Entry>;

/** One mapping of a list. */
export interface Item {
  /** `alerts.rules[3]` */
  readonly base: string;
  readonly tree: Tree;
  readonly keys: readonly Key[];
  /** Its own keys. */
  readonly entries: Entries;
}

/** A value as it was written, and where. */
export interface Given {
  readonly row: Key;
  readonly written: Written;
  readonly at: Place;
  /** Where relative paths start. */
  readonly directory: string;
  /** What stands before the path in a refusal. */
  readonly above?: string;
}

const defaults: Place = { file: 'default', line: 0 };

/** Takes a value as it was written. @throws RefusedError */
export function put(entries: Entries, path: string, given: Given): void {
  const { row, written, at, directory, above = '' } = given;
  if (written.value === null || (row.type.kind === 'secret' && written.value === mask)) return;
  const understood = understand(row.type, written, directory);
  if (!understood.ok) throw refuse(at, above + path, understood.fault);
  entries.set(path, { value: understood.value, source: at.file, at });
}

/** Fills in a default; `base` stands before the paths of a table. */
export function putDefault(entries: Entries, base: string, row: Key): void {
  const path = base + row.path;
  const { fallback, needs, type } = row;
  if (fallback === undefined || type.kind === 'units' || entries.has(path)) return;
  if (needs?.some((other) => entries.has(base + other)) === false) return;
  putComputed(entries, path, type.kind === 'list' ? fallback : defaultOf(row));
}

/** Each is understood once, not for each of a thousand units. */
const understoodDefaults = new Map<Key, unknown>();

function defaultOf(row: Key): unknown {
  if (!understoodDefaults.has(row)) {
    const words = Array.isArray(row.fallback) ? row.fallback.map(String) : [String(row.fallback)];
    const understood = understand(row.type, { value: row.fallback, words }, '/');
    if (!understood.ok) throw refuse(defaults, row.path, understood.fault);
    understoodDefaults.set(row, understood.value);
  }
  return understoodDefaults.get(row);
}

/** Fills in a value that was worked out, where there is none. */
export function putComputed(entries: Entries, path: string, value: unknown): void {
  if (!entries.has(path)) entries.set(path, { value, source: defaults.file, at: defaults });
}

/** A flag of the command line: above everything else. */
export function putFlag(
  entries: Entries,
  path: string,
  flag: { readonly name: string; readonly value: string; readonly cwd: string },
): void {
  entries.set(path, { value: resolve(flag.cwd, flag.value), source: flag.name, at: { file: flag.name, line: 0 } });
}
