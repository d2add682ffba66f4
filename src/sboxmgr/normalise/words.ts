import type { Severity } from '../../events/index.ts';

/** What is told of how bad it is, or how urgent: words in any case, and `EventPriority.HIGH` as Python prints it. */
const severities: Readonly<Record<string, Severity>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  information: 'INFO',
  notice: 'INFO',
  success: 'INFO',
  ok: 'INFO',
  warn: 'WARNING',
  warning: 'WARNING',
  err: 'ERROR',
  error: 'ERROR',
  exception: 'ERROR',
  critical: 'CRITICAL',
  crit: 'CRITICAL',
  fatal: 'CRITICAL',
  panic: 'CRITICAL',
  alert: 'CRITICAL',
  emergency: 'CRITICAL',
};

const priorities: Readonly<Record<string, number>> = {
  critical: 100,
  urgent: 100,
  high: 80,
  normal: 50,
  medium: 50,
  default: 50,
  low: 20,
  debug: 10,
};

/** Severities of types that say it by themselves. */
const byType: Readonly<Record<string, Severity>> = {
  'error.occurred': 'ERROR',
  'plugin.error': 'ERROR',
  'service.failed': 'ERROR',
  'warning.issued': 'WARNING',
  'health.alert_triggered': 'WARNING',
  'debug.info': 'DEBUG',
  'trace.point': 'DEBUG',
};

const byOutcome: Readonly<Record<string, Severity>> = {
  failed: 'ERROR',
  failure: 'ERROR',
  error: 'ERROR',
  unhealthy: 'ERROR',
  invalid: 'WARNING',
  degraded: 'WARNING',
};

/** Levels of Python's logging, highest first. */
const levels: readonly (readonly [number, Severity])[] = [
  [50, 'CRITICAL'],
  [40, 'ERROR'],
  [30, 'WARNING'],
  [20, 'INFO'],
  [0, 'DEBUG'],
];

function word(value: string): string {
  return value.trim().toLowerCase().replace(/^.*\./, '');
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Of a word, or a number of Python's logging. */
export function severityOf(value: unknown): Severity | undefined {
  if (typeof value === 'string') return own(severities, word(value));
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return levels.find(([from]) => value >= from)?.[1];
}

/** Where an event does not say it: of its type, then of how what it tells of went. */
export function severityByFacts(type: string, data: Readonly<Record<string, unknown>>): Severity | undefined {
  const said = own(byType, type);
  if (said !== undefined) return said;
  for (const key of ['status', 'current_status', 'overall_status']) {
    const outcome = data[key];
    const found = typeof outcome === 'string' ? own(byOutcome, word(outcome)) : undefined;
    if (found !== undefined) return found;
  }
  return data['success'] === false ? 'WARNING' : undefined;
}

/** 0 to 100, of a word or a number, also one written as text. */
export function priorityOf(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const named = own(priorities, word(value));
    if (named !== undefined) return named;
    return /^\s*[+-]?\d+(\.\d+)?\s*$/.test(value) ? priorityOf(Number(value)) : undefined;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(100, Math.max(0, Math.round(value)));
}
