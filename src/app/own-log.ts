import type { JsonObject } from '../events/index.ts';
import type { Logs } from '../logs/index.ts';
import type { LogLevel, Telemetry } from '../telemetry/index.ts';

type Line = Parameters<Parameters<Telemetry['onLogLine']>[0]>[0];
type OwnLine = Parameters<Logs['ingestOwn']>[0];

const levels = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' } as const satisfies Record<
  LogLevel,
  OwnLine['level']
>;

/** A line of the agent's own log as LogService shows it. */
export function asOwnLine(line: Line): OwnLine {
  // What the logger wrote is JSON already; what JSON cannot say was dropped by it.
  return { ...line, level: levels[line.level], fields: JSON.parse(JSON.stringify(line.fields)) as JsonObject };
}
