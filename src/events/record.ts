import type { JsonText } from '../kernel/json-text.ts';
import { type JsonObject, type Severity, type StoredEvent, severities } from './types.ts';

/** An event before it has its place in the journal. Its data may still be the text that it was read as. */
export interface FreshEvent extends Omit<StoredEvent, 'revision'> {
  /** In place of `data`. */
  readonly dataText: JsonText | undefined;
}

/** With its size in the wire form. */
export interface MeasuredEvent {
  readonly event: FreshEvent;
  readonly wireBytes: number;
}

/** What the table adds to a body, about: columns and indexes. */
const rowBytes = 200;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON writes otherwise.
const written = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * A text as its columns hold it: the inside of its JSON string. SQLite ends texts at NUL, and half a surrogate pair has no
 * UTF-8; this form has neither, and different texts stay different.
 */
export function textKey(text: string): string {
  return written.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

const columns = 10;
/** Columns whose texts are mostly those of the row before: source, type, subject, trace. */
const repeated: ReadonlySet<number> = new Set([4, 6, 7, 8]);

/**
 * Rows on their way to the store's thread: one list of plain values, which is a fraction of the cost of an object for each. A repeated text is
 * null where it is that of the row before.
 */
export type PackedRows = readonly (string | number | null)[];

/** The columns of a row, in the order of the table. Texts are in the form of `textKey`; the body is the event as JSON. */
export type Row = readonly [
  ...[bytes: number, ageMs: number, severity: number, timeSeconds: number],
  ...[source: string, id: string, type: string, subject: string, traceId: string, body: string],
];

export interface RowPacker {
  readonly rows: PackedRows;
  /** Answers what the event counts as wherever bytes have a limit: the retention, the ring, a message, a page. */
  add(event: MeasuredEvent, ageMs: number): number;
}

export function createRowPacker(): RowPacker {
  const rows: (string | number | null)[] = [];
  const bodies = new BodyWriter();
  let before: Pick<FreshEvent, 'source' | 'type' | 'subject' | 'traceId'> | undefined;
  return {
    rows,
    add({ event, wireBytes }, ageMs) {
      const { source, type, subject, traceId } = event;
      const body = bodies.write(event);
      const bytes = Math.max(Buffer.byteLength(body), wireBytes) + rowBytes;
      rows.push(bytes, ageMs, severities.indexOf(event.severity), event.time.seconds);
      rows.push(source === before?.source ? null : textKey(source), textKey(event.id), type === before?.type ? null : type);
      rows.push(subject === before?.subject ? null : textKey(subject), traceId === before?.traceId ? null : traceId, body);
      before = event;
      return bytes;
    },
  };
}

export function countRows(packed: PackedRows): number {
  return packed.length / columns;
}

/** Calls `fn` with each row. It is given the same list each time. */
export function eachRow(packed: PackedRows, fn: (row: Row, index: number) => void): void {
  const row: (string | number | null)[] = [];
  for (let at = 0; at < packed.length; at += columns) {
    for (let column = 0; column < columns; column += 1) {
      const value = packed[at + column] ?? null;
      if (value !== null || !repeated.has(column)) row[column] = value;
    }
    fn(row as readonly unknown[] as Row, at / columns);
  }
}

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

/** A text as JSON writes it. */
function quoted(text: string): string {
  return written.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function attributesText(attributes: Readonly<Record<string, string>>): string {
  let text = '';
  for (const key of Object.keys(attributes)) text += `${text === '' ? '' : ','}${quoted(key)}:${quoted(attributes[key] ?? '')}`;
  return text;
}

/** The event of a row, now that it has its place. */
export function storedEvent(revision: number, event: FreshEvent): StoredEvent {
  const { dataText, ...fields } = event;
  return { revision, ...fields, data: dataText === undefined ? fields.data : (dataText.value() as JsonObject) };
}

/** Which parts of a body the one before had alike, and as what they were written. */
class BodyWriter {
  #kind: Pick<FreshEvent, 'type' | 'source' | 'subject'> = { type: '', source: '', subject: '' };
  #kindText = '';
  #times: Pick<FreshEvent, 'time' | 'ingestTime'> | undefined;
  #timesText = '';
  #trace: Pick<FreshEvent, 'traceId' | 'spanId' | 'correlationId'> = { traceId: '', spanId: '', correlationId: '' };
  #traceText = '';
  #attributes: FreshEvent['attributes'] = {};
  #attributesText = '';

  /** The JSON of a `Body`, written field by field: what is absent costs nothing, and no object is made to be written at once. */
  write(event: FreshEvent): string {
    const { data, dataText, redacted } = event;
    let text = `{"i":${quoted(event.id)}${this.#kindOf(event)},"v":"${event.severity}","p":${event.priority}${this.#timesOf(event)}${this.#traceOf(event)}`;
    if (dataText !== undefined) text += `,"d":${dataText.json}`;
    else if (data !== undefined) text += `,"d":${JSON.stringify(data)}`;
    text += this.#attributesOf(event);
    if (redacted.length > 0) text += `,"r":${JSON.stringify(redacted)}`;
    return `${text}}`;
  }

  #kindOf(event: FreshEvent): string {
    const { type, source, subject } = event;
    if (type !== this.#kind.type || source !== this.#kind.source || subject !== this.#kind.subject || this.#kindText === '') {
      this.#kind = event;
      this.#kindText = `,"t":${quoted(type)},"s":${quoted(source)}${subject === '' ? '' : `,"u":${quoted(subject)}`}`;
    }
    return this.#kindText;
  }

  #timesOf(event: FreshEvent): string {
    const { time, ingestTime } = event;
    if (time !== this.#times?.time || ingestTime !== this.#times.ingestTime) {
      this.#times = event;
      this.#timesText = `,"at":[${time.seconds},${time.nanos}],"in":[${ingestTime.seconds},${ingestTime.nanos}]`;
    }
    return this.#timesText;
  }

  #traceOf(event: FreshEvent): string {
    const { traceId, spanId, correlationId } = event;
    if (traceId !== this.#trace.traceId || spanId !== this.#trace.spanId || correlationId !== this.#trace.correlationId) {
      this.#trace = event;
      this.#traceText = `${optional('tr', traceId)}${optional('sp', spanId)}${optional('co', correlationId)}`;
    }
    return this.#traceText;
  }

  #attributesOf({ attributes }: FreshEvent): string {
    if (attributes !== this.#attributes) {
      this.#attributes = attributes;
      const text = attributesText(attributes);
      this.#attributesText = text === '' ? '' : `,"a":{${text}}`;
    }
    return this.#attributesText;
  }
}

function optional(key: string, text: string): string {
  return text === '' ? '' : `,"${key}":${quoted(text)}`;
}

export function encodeBody(event: FreshEvent): string {
  return new BodyWriter().write(event);
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
