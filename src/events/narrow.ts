import type { SQLInputValue } from 'node:sqlite';
import { normalTraceId } from '../kernel/trace-id.ts';
import { textKey } from './record.ts';
import type { Term } from './terms.ts';
import { type EventFilter, severities } from './types.ts';

export interface Narrowed {
  /** Begins with ` AND`, or is empty. One of a bounded set of texts: values are bound, never written into it. */
  readonly where: string;
  readonly values: readonly SQLInputValue[];
  /** What every event that is kept has: the walk need only look into the stretches that hold it. */
  readonly term: Term | undefined;
}

/** What of a filter the table can judge by its columns. It may keep too much, never too little. */
export function narrow(filter: EventFilter = {}): Narrowed {
  const { types = [], sources = [], subjects = [], minSeverity, since, until, traceId } = filter;
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (sql: string, value: SQLInputValue): void => {
    where.push(` AND ${sql}`);
    values.push(value);
  };
  if (traceId) add('trace_id = ?', normalTraceId(traceId));
  if (types.length > 0 && types.every((one) => !one.includes('*'))) add(among('type'), JSON.stringify(types));
  if (sources.length > 0) add(among('source'), JSON.stringify(sources.map(textKey)));
  if (subjects.length > 0) add(among('subject'), JSON.stringify(subjects.map(textKey)));
  if (minSeverity) add('severity >= ?', severities.indexOf(minSeverity));
  if (since) add('time_s >= ?', since.seconds);
  if (until) add('time_s <= ?', until.seconds);
  return { where: where.join(''), values, term: termOf(filter) };
}

/** The one that leads to the fewest events, as far as a filter can tell. */
function termOf({ types = [], subjects = [], traceId }: EventFilter): Term | undefined {
  const [type, ...otherTypes] = types;
  const [subject, ...otherSubjects] = subjects;
  if (traceId) return { kind: 'trace', text: normalTraceId(traceId) };
  if (subject && otherSubjects.length === 0) return { kind: 'subject', text: textKey(subject) };
  if (type !== undefined && otherTypes.length === 0 && !type.includes('*')) return { kind: 'type', text: type };
  return undefined;
}

function among(column: string): string {
  return `${column} IN (SELECT value FROM json_each(?))`;
}
