import pino from 'pino';
import type { Clock } from '../kernel/clock.ts';
import { formatForPeople } from './human.ts';
import type { Logger, LogLevel, Telemetry } from './types.ts';

/** Where finished lines go, each with its line feed. */
export interface Destination {
  write(line: string): void;
  /** Resolves when the system has everything that was written so far: never, where a reader has stopped reading. */
  drained?(): Promise<void>;
}

type LineListener = Parameters<Telemetry['onLogLine']>[0];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly destination: Destination;
  /** Print for people instead of programs. */
  readonly human: boolean;
  readonly active: () => { readonly traceId: string; readonly spanId: string };
}

export interface LoggerRoom {
  readonly logger: Logger;
  setLevel(level: LogLevel): void;
  writes(level: LogLevel): boolean;
  onLine(fn: LineListener): void;
}

const order: Readonly<Record<LogLevel, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

export function createLogger(options: LoggerOptions): LoggerRoom {
  const listeners: LineListener[] = [];
  const threshold = { value: order[options.level] };
  const root = pino(
    {
      // Children of pino keep the level they were born with, so the threshold is ours and pino lets everything through.
      level: 'trace',
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: plainErrors },
      mixin: () => ids(options.active()),
    },
    { write: createFanOut(options, listeners) },
  );
  return {
    logger: wrap(root, threshold),
    setLevel(level) {
      threshold.value = order[level];
    },
    writes: (level) => order[level] >= threshold.value,
    onLine: (fn) => void listeners.push(fn),
  };
}

function wrap(inner: pino.Logger, threshold: { readonly value: number }): Logger {
  const at =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (order[level] >= threshold.value) inner[level](fields, message);
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => wrap(inner.child(fields), threshold),
  };
}

/** Writes a line and tells the listeners; a line that is written while they are told goes to the destination only. */
function createFanOut(options: LoggerOptions, listeners: readonly LineListener[]): (line: string) => void {
  let telling = false;
  return (line) => {
    if (!options.human) options.destination.write(line);
    if (!options.human && (listeners.length === 0 || telling)) return;
    const { level, time, msg, trace_id: traceId, span_id: spanId, ...fields } = JSON.parse(line);
    const parsed = { timeMs: Date.parse(time), level, message: msg ?? '', traceId: traceId ?? '', spanId: spanId ?? '', fields };
    if (options.human) options.destination.write(formatForPeople(parsed));
    if (telling) return;
    telling = true;
    try {
      for (const fn of listeners) fn(parsed);
    } catch {
      // A listener that fails must not fail whoever wrote a line.
    } finally {
      telling = false;
    }
  };
}

function ids(active: { readonly traceId: string; readonly spanId: string }): object {
  return active.traceId === '' ? {} : { trace_id: active.traceId, span_id: active.spanId };
}

/** Errors have no enumerable properties: without this they would be logged as `{}`. */
function plainErrors(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields);
  if (!entries.some(([, value]) => value instanceof Error)) return fields;
  return Object.fromEntries(entries.map(([key, value]) => [key, value instanceof Error ? plainError(value, 0) : value]));
}

function plainError(error: Error, depth: number): object {
  const { reason, code } = error as Error & { reason?: unknown; code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error && depth < 3 ? { cause: plainError(error.cause, depth + 1) } : {}),
  };
}
