/**
 * Messages of gen/ts as proto JSON with proto field names, as REST answers them. They are nearly that already: enums are names, int64
 * are text, times are RFC 3339, what is absent is undefined. Only a Duration is still seconds and nanoseconds.
 */
import type { Duration } from '../../gen/ts/google/protobuf/duration.ts';
import type { AgentStatus } from '../../gen/ts/sboxagent/v1/agent.ts';
import type { Process, Process_Exit } from '../../gen/ts/sboxagent/v1/process.ts';

/** `3.5s`: 0, 3, 6 or 9 digits. */
export function durationJson({ seconds, nanos }: Pick<Duration, 'seconds' | 'nanos'>): string {
  const sign = nanos < 0 || String(seconds).startsWith('-') ? '-' : '';
  const fraction = Math.abs(nanos)
    .toString()
    .padStart(9, '0')
    .replace(/(000){1,3}$/, '');
  return `${sign}${String(seconds).replace('-', '')}${fraction === '' ? '' : `.${fraction}`}s`;
}

export function durationMs({ seconds, nanos }: Pick<Duration, 'seconds' | 'nanos'>): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}

export function exitJson(exit: Process_Exit): object {
  return { ...exit, duration: exit.duration === undefined ? undefined : durationJson(exit.duration) };
}

export function processJson(process: Process): object {
  const { exit } = process;
  return exit === undefined ? process : { ...process, exit: exitJson(exit) };
}

export function statusJson(status: AgentStatus): object {
  return { ...status, uptime: status.uptime === undefined ? undefined : durationJson(status.uptime) };
}
