import { resolve } from 'node:path';
import type { Key } from './keys.ts';
import { mask } from './masks.ts';
import { type Place, refuse } from './problems.ts';
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

const defaults: Place = { file: 'default', line: 0 };

/** Takes a value as it was written. @throws RefusedError */
export function put(entries: Entries, path: string, given: { row: Key; written: Written; at: Place; directory: string }): void {
  const { row, written, at, directory } = given;
  if (written.value === null || (row.type.kind === 'secret' && written.value === mask)) return;
  const understood = understand(row.type, written, directory);
  if (!understood.ok) throw refuse(at, path, understood.fault);
  entries.set(path, { value: understood.value, source: at.file, at });
}

/** Fills in a default, given in the notation of the configuration. */
export function putDefault(entries: Entries, path: string, row: Key): void {
  if (row.fallback === undefined || row.type.kind === 'units' || entries.has(path)) return;
  const value = row.fallback;
  const words = Array.isArray(value) ? value.map(String) : [String(value)];
  put(entries, path, { row, written: { value, words }, at: defaults, directory: '/' });
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
