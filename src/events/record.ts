import { type Severity, type StoredEvent, severities } from './types.ts';

/** An event before it has its place in the journal. */
export type FreshEvent = Omit<StoredEvent, 'revision'>;

/** With its size in the wire form. */
export interface MeasuredEvent {
  readonly event: FreshEvent;
  readonly wireBytes: number;
}

/** What goes into the table: the event as JSON, and what it is found by. Texts are in the form of `textKey`. */
export interface Row {
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
  return JSON.stringify(text).slice(1, -1);
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

function encodeBody(event: FreshEvent): string {
  const body: Body = {
    i: event.id,
    t: event.type,
    s: event.source,
    ...(event.subject !== '' && { u: event.subject }),
    v: event.severity,
    p: event.priority,
    at: [event.time.seconds, event.time.nanos],
    in: [event.ingestTime.seconds, event.ingestTime.nanos],
    ...(event.traceId !== '' && { tr: event.traceId }),
    ...(event.spanId !== '' && { sp: event.spanId }),
    ...(event.correlationId !== '' && { co: event.correlationId }),
    ...(event.data !== undefined && { d: event.data }),
    ...(Object.keys(event.attributes).length > 0 && { a: event.attributes }),
    ...(event.redacted.length > 0 && { r: event.redacted }),
  };
  return JSON.stringify(body);
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
