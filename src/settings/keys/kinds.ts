import type { Form, Key, KeyType } from './types.ts';

const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
/** Timers take no more than 2^31 - 1 milliseconds; a longer one would fire at once. */
const TIMER_MS = 24 * DAY_MS;
export const YEARS_MS = 3660 * DAY_MS;
export const text = (pattern: Form['pattern'], what: string): Extract<KeyType, { kind: 'string' }> => ({
  kind: 'string',
  form: { pattern, what },
});
export const texts = (pattern: RegExp, what: string): KeyType => ({ kind: 'strings', form: { pattern, what } });
export const path: KeyType = { kind: 'path' };
export const boolean: KeyType = { kind: 'boolean' };
export const strings: KeyType = { kind: 'strings' };
export const program = texts(/^[^\0]*$/, 'a text');
export const group = text(/^[\w][\w.-]{0,31}$/, 'the name or number of a group');
export const integer = (min: number, max: number): KeyType => ({ kind: 'integer', min, max });
export const number = (min: number, max: number): KeyType => ({ kind: 'number', min, max });
export const duration = (minMs: number, maxMs = TIMER_MS): KeyType => ({ kind: 'duration', minMs, maxMs });
export const size = (minBytes: number, maxBytes: number): KeyType => ({ kind: 'size', minBytes, maxBytes });
export const choice = (...values: readonly string[]): KeyType => ({ kind: 'choice', values });
/** A key, by its dotted path, type, default and meaning. It is the admin's to change unless `writable` says otherwise. */
export const key = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc, scope: 'admin' });
/** One that a reload puts into effect without a restart. */
export const live = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({
  path,
  type,
  fallback,
  doc,
  scope: 'admin',
  live: true,
});

/** The rows, those of these paths (`restart.*`: all below) for whoever has `config:write`. Throws for a path that no row has. */
export function writable(rows: readonly Key[], paths: readonly string[]): readonly Key[] {
  const fits = (path: string, one: string): boolean => (one.endsWith('.*') ? path.startsWith(one.slice(0, -1)) : path === one);
  for (const one of paths) if (!rows.some(({ path }) => fits(path, one))) throw new Error(`no key ${one} to be writable`);
  return rows.map((row) => (paths.some((one) => fits(row.path, one)) ? { ...row, scope: 'config:write' } : row));
}

export const KIB = 1024;
export const MIB = KIB * KIB;
export const TIB = MIB * MIB;

export const mode: KeyType = { kind: 'mode' };
/** A URL of the web; `example` is shown where it is none. */
export function web(example: string): KeyType {
  const test = (url: string): boolean => /^https?:\/\/\S+$/.test(url) && URL.canParse(url);
  return { kind: 'string', form: { pattern: { test }, what: `a URL as in ${example}` } };
}
