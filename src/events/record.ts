import { type Severity, type StoredEvent, severities } from './types.ts';

/** An event before it has its place in the journal. */
export type FreshEvent = Omit<StoredEvent, 'revision'>;

/** With its size in the wire form. */
export interface MeasuredEvent {
  readonly event: FreshEvent;
  readonly wireBytes: number;
}

/** What goes into the table: the event as JSON, and what it is found by. Texts are in the form of `textKey`. */
interface Row {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly severity: number;
  readonly timeSeconds: number;
  readonly traceId: string;
  readonly ageMs: number;
  readonly body: string;
  /** What the event counts as wherever bytes have a limit: the retention, the ring, a message, a page. */
  readonly bytes: number;
}

/** What the table adds to a body, about: columns and indexes. */
const rowBytes = 200;

/**
 * A text as its columns hold it: the inside of its JSON string. SQLite ends texts at NUL, and half a surrogate pair has no
 * UTF-8; this form has neither, and different texts stay different.
 */
export function textKey(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON writes otherwise
  return /["\\\u0000-\u001f\ud800-\udfff]/.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

export function toRow({ event, wireBytes }: MeasuredEvent, ageMs: number): Row {
  const body = encodeBody(event);
  return {
    id: textKey(event.id),
    source: textKey(event.source),
    type: event.type,
    subject: textKey(event.subject),
    severity: severities.indexOf(event.severity),
    timeSeconds: event.time.seconds,
    traceId: event.traceId,
    ageMs,
    body,
    bytes: Math.max(Buffer.byteLength(body), wireBytes) + rowBytes,
  };
}

/** Rows on their way to the store's thread: one list of plain values, which is a fraction of the cost of an object for each. */
export type PackedRows = readonly (string | number)[];
const columns = 10;

export function packRow(into: (string | number)[], row: Row): void {
  into.push(row.bytes, row.ageMs, row.severity, row.timeSeconds, row.source, row.id, row.type, row.subject, row.traceId, row.body);
}

export function countRows(packed: PackedRows): number {
  return packed.length / columns;
}

/** Calls `fn` with the columns of each row, in the order of the table. */
export function eachRow(packed: PackedRows, fn: (row: PackedRow, index: number) => void): void {
  for (let index = 0; index < countRows(packed); index++) {
    fn(packed.slice(index * columns, (index + 1) * columns) as unknown as PackedRow, index);
  }
}

export type PackedRow = readonly [
  ...[bytes: number, ageMs: number, severity: number, timeSeconds: number],
  ...[source: string, id: string, type: string, subject: string, traceId: string, body: string],
];

interface Body {
  readonly i: string;
  readonly t: string;
  readonly s: string;
  readonly u?: string;
  readonly v: Severity;
  readonly p: number;
  readonly at: readonly [number, number];
  readonly in: readonly [number, number];
  readonly tr?: string;
  readonly sp?: string;
  readonly co?: string;
  readonly d?: StoredEvent['data'];
  readonly a?: StoredEvent['attributes'];
  readonly r?: readonly string[];
}

const quoted = JSON.stringify;

/** The JSON of a `Body`, written field by field: what is absent costs nothing, and no object is made to be written at once. */
function encodeBody(event: FreshEvent): string {
  const { subject, time, ingestTime, traceId, spanId, correlationId, data, attributes, redacted } = event;
  let text = `{"i":${quoted(event.id)},"t":${quoted(event.type)},"s":${quoted(event.source)}`;
  if (subject !== '') text += `,"u":${quoted(subject)}`;
  text += `,"v":"${event.severity}","p":${event.priority},"at":[${time.seconds},${time.nanos}],"in":[${ingestTime.seconds},${ingestTime.nanos}]`;
  if (traceId !== '') text += `,"tr":${quoted(traceId)}`;
  if (spanId !== '') text += `,"sp":${quoted(spanId)}`;
  if (correlationId !== '') text += `,"co":${quoted(correlationId)}`;
  if (data !== undefined) text += `,"d":${quoted(data)}`;
  const facts = quoted(attributes);
  if (facts !== '{}') text += `,"a":${facts}`;
  if (redacted.length > 0) text += `,"r":${quoted(redacted)}`;
  return `${text}}`;
}

export function decodeBody(revision: number, text: string): StoredEvent {
  const body: Body = JSON.parse(text);
  return {
    revision,
    id: body.i,
    type: body.t,
    source: body.s,
    subject: body.u ?? '',
    severity: body.v,
    priority: body.p,
    time: { seconds: body.at[0], nanos: body.at[1] },
    ingestTime: { seconds: body.in[0], nanos: body.in[1] },
    traceId: body.tr ?? '',
    spanId: body.sp ?? '',
    correlationId: body.co ?? '',
    data: body.d,
    attributes: body.a ?? {},
    redacted: body.r ?? [],
  };
}
