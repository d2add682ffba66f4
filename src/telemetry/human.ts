import type { LogLevel } from './types.ts';

const colours: Readonly<Record<LogLevel, string>> = { trace: '90', debug: '90', info: '32', warn: '33', error: '31', fatal: '35' };

/** One line of the log for a terminal: time, level, message, then the fields in grey; a stack goes on lines of its own. */
export function formatForPeople(line: { timeMs: number; level: LogLevel; message: string; fields: Record<string, unknown> }): string {
  const time = new Date(line.timeMs).toISOString().slice(11, 23);
  const level = `\u001b[${colours[line.level]}m${line.level.toUpperCase().padEnd(5)}\u001b[0m`;
  const stacks: string[] = [];
  const fields = Object.entries(line.fields).map(([key, value]) => `${key}=${show(value, stacks)}`);
  const tail = fields.length === 0 ? '' : ` \u001b[90m${fields.join(' ')}\u001b[0m`;
  return `${[`${time} ${level} ${line.message}${tail}`, ...stacks].join('\n')}\n`;
}

function show(value: unknown, stacks: string[]): string {
  if (typeof value === 'string') return /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'stack' in value && 'message' in value) {
    stacks.push(...String(value.stack).split('\n').slice(1));
    return JSON.stringify(value.message);
  }
  return JSON.stringify(value);
}
