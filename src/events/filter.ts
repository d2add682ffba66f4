import { compileGlob } from '../kernel/glob.ts';
import { normalTraceId } from '../kernel/trace-id.ts';
import { type EventFilter, type Instant, type StoredEvent, severities } from './types.ts';

export type Matches = (event: StoredEvent) => boolean;

/**
 * The one meaning of a filter: watches, lists and scans all ask this function; SQL only narrows what it is asked about.
 * Fields are ANDed, the values of one field ORed; what is absent or empty keeps everything.
 */
export function compileFilter(filter: EventFilter | undefined): Matches {
  const tests: Matches[] = [];
  if (!filter) return () => true;
  const { types, sources, subjects, minSeverity, since, until, traceId, text } = filter;
  if (types?.length) {
    const globs = types.map(compileGlob);
    tests.push((event) => globs.some((matches) => matches(event.type)));
  }
  if (sources?.length) tests.push(among(sources, (event) => event.source));
  if (subjects?.length) tests.push(among(subjects, (event) => event.subject));
  if (minSeverity && minSeverity !== 'DEBUG') {
    const least = severities.indexOf(minSeverity);
    tests.push((event) => severities.indexOf(event.severity) >= least);
  }
  if (since) tests.push((event) => compareInstants(event.time, since) >= 0);
  if (until) tests.push((event) => compareInstants(event.time, until) < 0);
  if (traceId) tests.push(among([normalTraceId(traceId)], (event) => event.traceId));
  if (text) tests.push(containing(text));
  return (event) => tests.every((test) => test(event));
}

/** Equal filters have equal keys; the empty filter has the key of none. */
export function filterKey(filter: EventFilter | undefined): string {
  const { types, sources, subjects, minSeverity, since, until, traceId, text } = filter ?? {};
  const list = (values: readonly string[] | undefined): readonly string[] => [...new Set(values)].sort();
  const instant = (value: Instant | undefined): readonly number[] => (value ? [value.seconds, value.nanos] : []);
  const parts = [list(types), list(sources), list(subjects), minSeverity ?? '', instant(since), instant(until), traceId ?? '', text ?? ''];
  return parts.every((part) => part.length === 0) ? '' : JSON.stringify(parts);
}

export function compareInstants(a: Instant, b: Instant): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

function among(values: readonly string[], pick: (event: StoredEvent) => string): Matches {
  const set = new Set(values);
  return (event) => set.has(pick(event));
}

function containing(text: string): Matches {
  const needle = text.toLowerCase();
  const has = (value: string): boolean => value.toLowerCase().includes(needle);
  return (event) => has(event.type) || has(event.source) || has(event.subject) || dataHas(event.data, has);
}

/** Looks into keys and values as a person reads them: strings to the letter, numbers in decimal, and the JSON as a whole. */
function dataHas(data: unknown, has: (value: string) => boolean): boolean {
  if (data === undefined || data === null) return false;
  if (typeof data !== 'object') return has(String(data));
  if (Array.isArray(data)) return data.some((item) => dataHas(item, has));
  return Object.entries(data).some(([key, value]) => has(key) || dataHas(value, has));
}
