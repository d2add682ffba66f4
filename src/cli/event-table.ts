import type { Event } from '../../gen/ts/sboxagent/v1/event.ts';
import type { Colour, Column } from './table.ts';

const severityColours: Partial<Record<Event['severity'], Colour>> = { DEBUG: 'dim', WARNING: 'yellow', ERROR: 'red', CRITICAL: 'red' };

const mostDetail = 240;

/** The plain values of `data`: what a person wants to see of it at a glance. Texts of several lines, as diffs are, are left to -o json. */
function detail({ data }: Event): string {
  const parts = Object.entries(data ?? {}).flatMap(([key, value]) => {
    return typeof value === 'object' || value === '' || String(value).includes('\n') ? [] : [`${key}=${String(value)}`];
  });
  const whole = parts.join(' ');
  return whole.length > mostDetail ? `${whole.slice(0, mostDetail - 1)}…` : whole;
}

export const eventColumns: readonly Column<Event>[] = [
  { title: 'REVISION', cell: ({ revision }) => revision },
  { title: 'TIME', cell: ({ time }) => time ?? '', width: 24 },
  { title: 'SEVERITY', cell: ({ severity }) => severity, colour: ({ severity }) => severityColours[severity], drop: 1 },
  { title: 'TYPE', cell: ({ type }) => type, width: 20, whole: true },
  { title: 'SUBJECT', cell: ({ subject }) => subject, width: 10, whole: true },
  { title: 'SOURCE', cell: ({ source }) => source, width: 8, whole: true, drop: 2 },
  { title: 'DATA', cell: detail },
];
