/** Numbers, sizes and times as people read them. Pure. */
import { type Duration, durationMs, type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `12.3 MiB`; three digits at most. */
export function bytes(value: number): string {
  let left = value;
  let unit = 0;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${digits(left, unit === 0 ? 0 : undefined)} ${units[unit]}`;
}

/** Three digits at most: `0.12`, `3.4`, `56`. */
export function digits(value: number, decimals = value < 1 ? 2 : value < 10 ? 1 : 0): string {
  return value.toFixed(decimals).replace(/\.0+$/, '');
}

export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value > 0 && value < 0.05 ? '0' : digits(value, value < 10 ? 1 : 0)} %`;
}

const steps = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const;

/** The two greatest parts: `3d 4h`, `5m 2s`, `12s`. */
export function span(ms: number): string {
  if (ms < 1000) return ms <= 0 ? '0s' : `${Math.round(ms)}ms`;
  const parts: string[] = [];
  let left = ms;
  for (const [size, letter] of steps) {
    const n = Math.floor(left / size);
    if (n > 0) parts.push(`${n}${letter}`);
    else if (parts.length > 0) break;
    left -= n * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

export function msOf(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : timestampMs(time);
}

export function durationOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

/** `14:03:12` today, else with its date; in the browser's time zone. */
export function clock(ms: number, now: number, language: string): string {
  const time = new Date(ms);
  const sameDay = new Date(now).toDateString() === time.toDateString();
  const hours = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const;
  return time.toLocaleString(language, sameDay ? hours : { ...hours, month: 'short', day: 'numeric' });
}
