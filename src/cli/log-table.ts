import type { LogEntry } from '../../gen/ts/sboxagent/v1/log.ts';
import { printable } from './escape.ts';
import { type Colour, paint, type Style } from './table.ts';
import { textWidth } from './text-width.ts';

const levelColours: Partial<Record<LogEntry['level'], Colour>> = { WARN: 'yellow', ERROR: 'red', FATAL: 'red', DEBUG: 'dim', TRACE: 'dim' };

const sourceColours: readonly Colour[] = ['cyan', 'magenta', 'blue', 'green', 'yellow'];

/** Writes an entry as a line; of several sources each has its colour, and its name the width of the longest. */
export function rowWriter(ids: readonly string[], style: Style): (entry: LogEntry) => string {
  const known = [...ids];
  const width = Math.max(0, ...(ids.length > 1 ? ids.map(textWidth) : []));
  const sourceColour = (source: string): Colour | undefined => {
    if (ids.length === 1) return undefined;
    if (!known.includes(source)) known.push(source);
    return sourceColours[known.indexOf(source) % sourceColours.length];
  };
  return ({ time, source, level, message, truncated }) => {
    const name = level === 'LEVEL_UNSPECIFIED' ? '-' : level;
    const from = printable(source);
    const padded = paint(from, sourceColour(source), style) + ' '.repeat(Math.max(0, width - textWidth(from)));
    return `${time ?? '-'}  ${paint(name.padEnd(5), levelColours[level], style)}  ${padded}  ${printable(message)}${truncated ? ' […]' : ''}\n`;
  };
}
