import type { Json, JsonObject, NewEvent } from '../../events/index.ts';
import { isOwnSource } from '../../kernel/own-names.ts';
import { typeOf } from './event-types.ts';
import { timeOf } from './times.ts';
import { ofTraceId, ofTraceparent, type Trace } from './traces.ts';
import { priorityOf, severityByFacts, severityOf } from './words.ts';

/** What is known from around an event: the message that carries it. */
export interface Around {
  readonly id?: unknown;
  readonly timestamp?: unknown;
  readonly correlationId?: unknown;
  readonly metadata?: unknown;
}

export type Normalised = { readonly ok: true; readonly event: NewEvent } | { readonly ok: false; readonly message: string };

type Table = Readonly<Record<string, unknown>>;

/** Fields that have a place of their own in an event; the others of an event without data are its data. */
const placed = new Set(
  'event_type type event source timestamp time version data payload metadata priority severity level trace_id traceparent event_id id correlation_id session_id subject plugin'.split(
    ' ',
  ),
);
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What the journal takes: bytes of a text, of an attribute's value, and how many of the sender's attributes. */
const limits = { text: 256, key: 128, value: 4096, metadata: 32 } as const;

/**
 * An event of any of sboxmgr's vocabularies as one of ours: `{event_type, source, priority, data}` of the bridge, `{event_type, payload, …}`
 * of its event manager, `{event_id, event_type, …}` of the sbox-common schemas, and `{type, source, timestamp, version, data, metadata}`
 * with its lines on stdout (`{"type": "LOG", "data": …}`). How it was written is kept in attributes `original_…`.
 */
export function normalise(raw: unknown, around: Around = {}): Normalised {
  if (!isTable(raw)) return bad('an event must be an object');
  const name = raw['event_type'] ?? raw['type'];
  if (typeof name !== 'string' || name.trim() === '') return bad('an event must have a type: event_type or type, a text');
  const type = typeOf(name);
  if (type === undefined) return bad(`${JSON.stringify(name.slice(0, 64))} is no type of an event`);
  const metadata = { ...tableOf(around.metadata), ...metadataOf(raw) };
  const data = dataOf(raw);
  const attributes: Record<string, string> = { ...attributesOf(metadata), original_type: cut(name, limits.value) };
  const keep = (key: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') attributes[key] = cut(value, limits.value);
  };
  keep('event_version', raw['version']);
  keep('session_id', raw['session_id']);
  keep('plugin', raw['plugin'] ?? data['plugin_id']);
  const trace = traceOf({ raw, metadata, data, around });
  keep('original_trace_id', trace?.original ?? (trace === undefined ? raw['trace_id'] : undefined));
  const event = {
    type,
    data,
    attributes,
    ...idOf(raw, around, keep),
    ...sourceOf(raw, keep),
    ...severity(raw, metadata, { type, data }),
    ...(typeof raw['subject'] === 'string' && { subject: cut(raw['subject'], limits.text) }),
    ...priority(raw['priority'] ?? metadata['priority'], keep),
    ...timeField(raw['timestamp'] ?? raw['time'] ?? around.timestamp, keep),
    ...(trace && { traceId: trace.traceId, ...(trace.spanId && { spanId: trace.spanId }) }),
    ...correlation([raw['correlation_id'], metadataOf(raw)['correlation_id'], around.correlationId, metadata['correlation_id']]),
  };
  return { ok: true, event };
}

function bad(message: string): Normalised {
  return { ok: false, message };
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tableOf(value: unknown): Table {
  return isTable(value) ? value : {};
}

function metadataOf(raw: Table): Table {
  return tableOf(raw['metadata']);
}

/** The trace that a document of any of the vocabularies names. */
export function traceIn(raw: JsonObject): Trace | undefined {
  return traceOf({ raw, metadata: metadataOf(raw), data: tableOf(raw['data'] ?? raw['payload']), around: {} });
}

/** What came from JSON is JSON. */
function dataOf(raw: Table): JsonObject {
  const given = raw['data'] ?? raw['payload'];
  if (isTable(given)) return given as JsonObject;
  if (given !== undefined && given !== null) return { value: given as Json };
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !placed.has(key))) as JsonObject;
}

function attributesOf(metadata: Table): Record<string, string> {
  const entries = Object.entries(metadata).filter(([key, value]) => key !== '' && value !== null && value !== undefined);
  return Object.fromEntries(
    entries.slice(0, limits.metadata).map(([key, value]) => {
      return [cut(key, limits.key), cut(typeof value === 'string' ? value : JSON.stringify(value), limits.value)];
    }),
  );
}

type Keep = (key: string, value: unknown) => void;

/** The event's own id; the message's where it is one that nobody uses twice, so that a message that is sent again is stored once. */
function idOf(raw: Table, around: Around, keep: Keep): { readonly id?: string } {
  const own = raw['event_id'] ?? raw['id'];
  if (typeof own === 'string' && own !== '' && cut(own, limits.text) === own) return { id: own };
  keep('original_id', own);
  return typeof around.id === 'string' && uuid.test(around.id) ? { id: around.id } : {};
}

/** The agent's own name is the agent's. */
function sourceOf(raw: Table, keep: Keep): { readonly source?: string } {
  const source = raw['source'];
  if (typeof source !== 'string' || source.trim() === '') return {};
  if (!isOwnSource(source)) return { source: cut(source.trim(), limits.text) };
  keep('original_source', source);
  return {};
}

function severity(
  raw: Table,
  metadata: Table,
  { type, data }: { readonly type: string; readonly data: Table },
): { readonly severity?: NonNullable<NewEvent['severity']> } {
  const said = [raw['severity'], raw['level'], metadata['severity'], data['severity'], data['level']];
  const found = said.map(severityOf).find((value) => value !== undefined) ?? severityByFacts(type, data);
  return found === undefined ? {} : { severity: found };
}

function priority(value: unknown, keep: Keep): { readonly priority?: number } {
  const found = priorityOf(value);
  if (found === undefined) keep('original_priority', value);
  return found === undefined ? {} : { priority: found };
}

function timeField(value: unknown, keep: Keep): { readonly time?: NonNullable<NewEvent['time']> } {
  const time = timeOf(value);
  if (time === undefined) keep('original_time', value);
  return time === undefined ? {} : { time };
}

interface TraceSources {
  readonly raw: Table;
  readonly metadata: Table;
  readonly data: Table;
  readonly around: Around;
}

/** A valid traceparent wins; a correlation id counts where it is of the form of a trace id. */
function traceOf({ raw, metadata, data, around }: TraceSources): Trace | undefined {
  const parents = [raw['traceparent'], metadata['traceparent'], data['traceparent']];
  const correlated = [raw['correlation_id'], metadataOf(raw)['correlation_id'], around.correlationId, metadata['correlation_id']];
  const ids = [raw['trace_id'], metadata['trace_id'], data['trace_id'], ...correlated];
  return first(parents, ofTraceparent) ?? first(ids, ofTraceId);
}

function first<T>(values: readonly unknown[], read: (value: unknown) => T | undefined): T | undefined {
  for (const value of values) {
    const found = read(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first that is a text, or a number, which some programs count their cycles by. */
function correlation(values: readonly unknown[]): { readonly correlationId?: string } {
  const found = values.find((value) => (typeof value === 'string' && value !== '') || typeof value === 'number');
  return found === undefined ? {} : { correlationId: cut(String(found), limits.text) };
}

/** At most so many bytes, and no half character. */
function cut(text: string, maxBytes: number): string {
  const whole = text.toWellFormed();
  if (Buffer.byteLength(whole) <= maxBytes) return whole;
  return Buffer.from(whole)
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
