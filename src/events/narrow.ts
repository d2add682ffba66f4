import type { SQLInputValue } from 'node:sqlite';
import { normalTraceId } from '../kernel/trace-id.ts';
import { textKey } from './record.ts';
import { type EventFilter, severities } from './types.ts';

export interface Narrowed {
  /** Begins with ` AND`, or is empty. One of a bounded set of texts: values are bound, never written into it. */
  readonly where: string;
  readonly values: readonly SQLInputValue[];
  /** An index leads to few rows: the walk need not be cut by revisions. */
  readonly indexed: boolean;
  /** That index is the one of traces, which has parts. */
  readonly traced: boolean;
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
  const [type, ...otherTypes] = types;
  const [subject, ...otherSubjects] = subjects;
  let indexed = true;
  // One index is enough; `+` keeps SQLite from choosing a worse one, which would sort.
  if (traceId) add("trace_id = ? AND trace_id <> ''", normalTraceId(traceId));
  else if (subject && otherSubjects.length === 0) add("subject = ? AND subject <> ''", textKey(subject));
  else if (type !== undefined && otherTypes.length === 0 && !type.includes('*')) add('type = ?', type);
  else indexed = false;
  if (types.length > 0 && types.every((one) => !one.includes('*'))) add(among('type'), JSON.stringify(types));
  if (sources.length > 0) add(among('source'), JSON.stringify(sources.map(textKey)));
  if (subjects.length > 0) add(among('subject'), JSON.stringify(subjects.map(textKey)));
  if (minSeverity) add('severity >= ?', severities.indexOf(minSeverity));
  if (since) add('time_s >= ?', since.seconds);
  if (until) add('time_s <= ?', until.seconds);
  return { where: where.join(''), values, indexed, traced: Boolean(traceId) };
}

function among(column: string): string {
  return `+${column} IN (SELECT value FROM json_each(?))`;
}
