import { invalid, type Violation } from '../kernel/errors.ts';
import { entryBytes, fieldBytes, messageBytes, numberBytes, scalarBytes, textBytes } from '../kernel/wire-size.ts';
import { type Json, type JsonObject, type NewEvent, type StoredEvent, severities } from './types.ts';

const typeShape = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$/;
const traceShape = /^([0-9a-f]{32}|[0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/i;
const spanShape = /^([0-9a-f]{16})?$/;

/** The bounds that event.proto documents, and those that keep one event from costing too much. */
const limits = {
  type: 128,
  id: 256,
  source: 256,
  subject: 1024,
  correlationId: 256,
  attributes: 64,
  key: 128,
  value: 4096,
  depth: 100,
} as const;
/** Years 1 to 9999, as google.protobuf.Timestamp has them. */
const seconds = { min: -62_135_596_800, max: 253_402_300_799 } as const;

/** What an event has besides texts and data: tags, revision, both times, priority. */
const eventOverhead = 160;
/** Events whose wire form is larger are refused: with what stands around it, a message must stay below the 4 MiB that clients of gRPC take. */
const maxEventBytes = 3 << 20;

type Report = (field: string, message: string, rule?: string) => void;

/** Answers the size of each event in its wire form, about. Throws INVALID_REQUEST that names every field that is wrong, as `events[i].field`. */
export function validate(events: readonly NewEvent[]): readonly number[] {
  const violations: Violation[] = [];
  const sizes = events.map((event, i) =>
    judge(event, (field, message, rule) => {
      violations.push({ field: `events[${i}].${field}`, message, ...(rule !== undefined && { rule }) });
    }),
  );
  if (violations.length > 0) throw invalid(violations.slice(0, 100));
  return sizes;
}

/** As many of these as one message may carry: at least one, beyond that no more than 1 MiB of their wire form. */
export function firstWithinMessage(events: readonly StoredEvent[]): readonly StoredEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, i) => {
    bytes += judge(event, () => {});
    return i > 0 && bytes > messageBytes;
  });
  return end < 0 ? events : events.slice(0, end);
}

function judge(event: NewEvent, report: Report): number {
  judgeType(event.type, report);
  const { severity, priority, time, traceId = '', spanId = '' } = event;
  if (severity !== undefined && !severities.includes(severity)) report('severity', `must be one of ${severities.join(', ')}`, 'enum');
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 100)) {
    report('priority', 'must be a whole number from 0 to 100', 'int32.range');
  }
  if (time && !(time.seconds >= seconds.min && time.seconds <= seconds.max && time.nanos >= 0 && time.nanos < 1e9)) {
    report('time', 'must lie in the years 1 to 9999', 'timestamp');
  }
  if (!traceShape.test(traceId)) report('trace_id', 'must be 32 hex digits, a UUID, or 8 hex digits', 'string.pattern');
  if (!spanShape.test(spanId)) report('span_id', 'must be 16 lower-case hex digits', 'string.pattern');
  let bytes = eventOverhead + judgeTexts(event, report) + judgeAttributes(event.attributes ?? {}, report);
  if (event.data !== undefined) bytes += fieldBytes(judgeData(event.data, { report, path: 'data', depth: 0 }));
  if (bytes > maxEventBytes) report('data', `makes the event larger than ${maxEventBytes} bytes on the wire`, 'message.max_bytes');
  return bytes;
}

function judgeType(type: string | undefined, report: Report): void {
  if (!type) report('type', 'is required: dotted lower case, such as config.generated', 'required');
  else if (type.length > limits.type) report('type', `must have at most ${limits.type} characters`, 'string.max_len');
  else if (!typeShape.test(type)) report('type', 'must be dotted lower case, such as config.generated', 'string.pattern');
}

function judgeTexts(event: NewEvent, report: Report): number {
  const texts = [
    ['id', event.id, limits.id],
    ['source', event.source, limits.source],
    ['subject', event.subject, limits.subject],
    ['correlation_id', event.correlationId, limits.correlationId],
  ] as const;
  let bytes = 0;
  for (const [field, text = '', maxBytes] of texts) {
    judgeText(text, maxBytes, (message, rule) => report(field, message, rule));
    bytes += textBytes(text);
  }
  return bytes;
}

function judgeText(text: string, maxBytes: number, report: (message: string, rule: string) => void): void {
  if (!text.isWellFormed()) report('is not valid Unicode: half a surrogate pair', 'string.utf8');
  else if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) report(`must have at most ${maxBytes} bytes`, 'string.max_bytes');
}

function judgeAttributes(attributes: Readonly<Record<string, string>>, report: Report): number {
  let bytes = 0;
  const entries = Object.entries(attributes);
  if (entries.length > limits.attributes) report('attributes', `must be at most ${limits.attributes}`, 'map.max_pairs');
  for (const [key, value] of entries.slice(0, limits.attributes)) {
    judgeText(key, limits.key, (message, rule) => report('attributes', `a key ${message}`, rule));
    judgeText(value, limits.value, (message, rule) => report(`attributes[${JSON.stringify(key.slice(0, 64))}]`, message, rule));
    bytes += entryBytes(key, textBytes(value));
  }
  return bytes;
}

interface Place {
  readonly report: Report;
  readonly path: string;
  readonly depth: number;
}

/** What JSON cannot carry would come back changed: it is refused. Answers the bytes of the value's wire form. */
function judgeData(value: Json, place: Place): number {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) place.report(place.path, 'must be a finite number', 'double.finite');
    return numberBytes;
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) place.report(place.path, 'is not valid Unicode: half a surrogate pair', 'string.utf8');
    return textBytes(value);
  }
  if (typeof value !== 'object' || value === null) return scalarBytes;
  if (place.depth < limits.depth)
    return fieldBytes(Array.isArray(value) ? judgeItems(value, place) : judgeFields(value as JsonObject, place));
  place.report('data', `must be nested at most ${limits.depth} deep`, 'depth');
  return 0;
}

function judgeItems(items: readonly Json[], { report, path, depth }: Place): number {
  let bytes = 0;
  for (const [i, item] of items.entries()) bytes += fieldBytes(judgeData(item, { report, path: `${path}[${i}]`, depth: depth + 1 }));
  return bytes;
}

function judgeFields(fields: JsonObject, { report, path, depth }: Place): number {
  let bytes = 0;
  for (const [key, item] of Object.entries(fields)) {
    if (!key.isWellFormed()) report(path, 'has a key that is not valid Unicode', 'string.utf8');
    bytes += entryBytes(key, fieldBytes(judgeData(item, { report, path: `${path}.${key.slice(0, 64)}`, depth: depth + 1 })));
  }
  return bytes;
}
