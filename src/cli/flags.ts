import { isCalendarDay } from '../kernel/calendar.ts';
import { durationExample, parseDuration } from '../kernel/duration.ts';
import type { Flags } from './command-spec.ts';
import { usage } from './failure.ts';

export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** Values of a flag that may be given several times, each several values separated by commas. */
export function list(flags: Flags, name: string): string[] {
  const value = flags[name];
  if (value === undefined || typeof value === 'boolean') return [];
  return (typeof value === 'string' ? [value] : value).flatMap((part) => part.split(',')).filter((part) => part !== '');
}

/** A whole number within limits; undefined where the flag was not given. */
export function count(value: string | undefined, flag: string, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= 0 && number <= max) return number;
  throw usage(`${flag} takes a whole number from 0 to ${max}, not ${JSON.stringify(value)}`);
}

const mostRevision = 2 ** 31 - 1;

/** The number of a revision, from 1; `lister` is the command that lists them. */
export function revisionNumber(word: string, lister: string): number {
  const revision = count(word, 'REV', mostRevision) ?? 0;
  if (revision < 1) throw usage('revisions begin at 1', `\`${lister}\` lists them.`);
  return revision;
}

/** RFC 3339, of a time or of how long ago it was; undefined where the flag was not given. */
export function instant(value: string | undefined, flag: string, nowMs: number): string | undefined {
  if (value === undefined) return undefined;
  const ago = parseDuration(value);
  const ms = ago === undefined ? (isCalendarDay(value) ? Date.parse(value) : Number.NaN) : Math.max(0, nowMs - ago);
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw usage(`${flag} takes a duration or a time, not ${JSON.stringify(value)}`, 'Write 10m, or 2026-11-29T10:00:00Z.');
}

/** Milliseconds; undefined where the flag was not given. */
export function duration(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  throw usage(`${flag} takes a duration, not ${JSON.stringify(value)}`, `Write ${durationExample}.`);
}
