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
/** A key, by its dotted path, type, default and meaning. */
export const key = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc });
/** One that a reload puts into effect without a restart. */
export const live = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc, live: true });

export const KIB = 1024;
export const MIB = KIB * KIB;
export const TIB = MIB * MIB;

export const mode: KeyType = { kind: 'mode' };
/** A URL of the web; `example` is shown where it is none. */
export function web(example: string): KeyType {
  const test = (url: string): boolean => /^https?:\/\/\S+$/.test(url) && URL.canParse(url);
  return { kind: 'string', form: { pattern: { test }, what: `a URL as in ${example}` } };
}
