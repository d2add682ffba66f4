import type { Instant } from '../../events/index.ts';

/** Seconds of the years 1 to 9999. */
const range = { min: -62_135_596_800, max: 253_402_300_799 } as const;
const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;
/** Above these a number of time is not seconds but milli-, micro-, nanoseconds (1e11 s is the year 5138). */
const units = [
  { above: 1e17, perSecond: 1e9 },
  { above: 1e14, perSecond: 1e6 },
  { above: 1e11, perSecond: 1e3 },
] as const;

/** ISO 8601 as Python and Go print it, or a Unix time. A time without a zone is of this machine. Undefined for what is no time. */
export function timeOf(value: unknown): Instant | undefined {
  if (typeof value === 'number') return ofNumber(value);
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const text = value.trim();
  if (/^\d{9,19}(\.\d+)?$/.test(text)) return ofNumber(Number(text));
  const found = iso.exec(text);
  if (found === null) return undefined;
  const [, day = '', time = '00:00', fraction = '', zone = ''] = found;
  const ms = new Date(`${day}T${time.length === 5 ? `${time}:00` : time}${zoneOf(zone)}`).getTime();
  return instant(ms / 1000, Number(fraction.padEnd(9, '0')));
}

function zoneOf(zone: string): string {
  if (zone === '' || zone.toUpperCase() === 'Z') return zone.toUpperCase();
  const [sign, digits] = [zone.slice(0, 1), zone.slice(1).replace(':', '').padEnd(4, '0')];
  return `${sign}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

function ofNumber(value: number): Instant | undefined {
  if (!Number.isFinite(value)) return undefined;
  const perSecond = units.find(({ above }) => Math.abs(value) >= above)?.perSecond ?? 1;
  const seconds = Math.floor(value / perSecond);
  // A double has microseconds of today, no more.
  return instant(seconds, Math.round((value / perSecond - seconds) * 1e6) * 1000);
}

function instant(seconds: number, nanos: number): Instant | undefined {
  const carried = nanos >= 1e9 ? { seconds: seconds + 1, nanos: nanos - 1e9 } : { seconds, nanos };
  return Number.isInteger(carried.seconds) && carried.seconds >= range.min && carried.seconds <= range.max ? carried : undefined;
}
