/** Times and durations between proto JSON's text and seconds with nanoseconds. */

import { isCalendarDay } from '../../kernel/calendar.ts';

export interface SecondsNanos {
  readonly seconds: string;
  readonly nanos: number;
}

const timestampForm = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;
const durationForm = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;

function nanosOf(fraction: string | undefined): number {
  return Number((fraction ?? '').padEnd(9, '0'));
}

/** 0, 3, 6 or 9 digits with their dot. */
function fractionOf(nanos: number): string {
  const digits = nanos
    .toString()
    .padStart(9, '0')
    .replace(/(000){1,3}$/, '');
  return digits === '' ? '' : `.${digits}`;
}

/** RFC 3339; undefined where it is none. */
export function parseTimestamp(text: string): SecondsNanos | undefined {
  const match = timestampForm.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(ms) || !isCalendarDay(text) ? undefined : { seconds: String(ms / 1000), nanos: nanosOf(match[2]) };
}

export function formatTimestamp({ seconds = '0', nanos = 0 }: Partial<SecondsNanos>): string {
  const date = new Date(Number(seconds) * 1000);
  // What no calendar has is shown as it came.
  return Number.isNaN(date.getTime()) ? `${seconds}s` : `${date.toISOString().slice(0, -'.000Z'.length)}${fractionOf(nanos)}Z`;
}

/** `3.5s`; undefined where it is none. */
export function parseDurationJson(text: string): SecondsNanos | undefined {
  const match = durationForm.exec(text);
  if (match === null) return undefined;
  const nanos = nanosOf(match[3]);
  return { seconds: `${match[1]}${match[2]}`, nanos: match[1] === '-' && nanos !== 0 ? -nanos : nanos };
}

export function formatDurationJson({ seconds = '0', nanos = 0 }: Partial<SecondsNanos>): string {
  const sign = nanos < 0 || seconds.startsWith('-') ? '-' : '';
  return `${sign}${seconds.replace('-', '')}${fractionOf(Math.abs(nanos))}s`;
}
