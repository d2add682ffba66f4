import type { JsonPlace, JsonVisitor } from '../kernel/redaction.ts';
import {
  containerBytes,
  fieldBytes,
  keyBytes,
  messageBytes,
  numberBytes,
  scalarBytes,
  structLevels,
  textBytes,
  utf8Bytes,
  valueBytes,
  wrapBytes,
} from '../kernel/wire-size.ts';
import { type NewEvent, type StoredEvent, severities } from './types.ts';

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
  // Three messages are around the deepest of our data: ListPluginsResponse, its Plugin, its PluginHealth. What nests deeper could be stored, and not read.
  depth: structLevels(3),
} as const;
/** Years 1 to 9999, as google.protobuf.Timestamp has them. */
const seconds = { min: -62_135_596_800, max: 253_402_300_799 } as const;

/** What an event has besides texts and data: tags, revision, both times, priority. */
const eventOverhead = 160;
/** Events whose wire form is larger are refused: with what stands around it, a message must stay below the 4 MiB that clients of gRPC take. */
const maxEventBytes = 3 << 20;

/** Paths in violations are cut here. */
const longestPath = 200;

export type Report = (field: string, message: string, rule?: string) => void;

/** The size of an event in its wire form, about: what it counts as wherever bytes have a limit. */
export function eventSize(event: StoredEvent): number {
  const ignore = (): void => {};
  return judgeHead(event, ignore) + judgeAttributes(event.attributes, ignore) + (event.data === undefined ? 0 : valueBytes(event.data));
}

/** As many of these as one message may carry: at least one, beyond that no more than 1 MiB of their wire form. */
export function firstWithinMessage(events: readonly StoredEvent[]): readonly StoredEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, i) => {
    bytes += eventSize(event);
    return i > 0 && bytes > messageBytes;
  });
  return end < 0 ? events : events.slice(0, end);
}

/** Judges an event but for its data and its attributes; answers the size of that much in the wire form. */
export function judgeHead(event: NewEvent, report: Report): number {
  judgeType(event.type, report);
  const { severity, priority, time, traceId = '', spanId = '' } = event;
  if (severity !== undefined && !severities.includes(severity)) report('severity', `must be one of ${severities.join(', ')}`, 'enum');
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 100)) {
    report('priority', 'must be a whole number from 0 to 100', 'int32.range');
  }
  if (time && !(time.seconds >= seconds.min && time.seconds <= seconds.max && time.nanos >= 0 && time.nanos < 1e9)) {
    report('time', 'must lie in the years 1 to 9999', 'timestamp');
  }
  if (traceId !== '' && !traceShape.test(traceId)) report('trace_id', 'must be 32 hex digits, a UUID, or 8 hex digits', 'string.pattern');
  if (spanId !== '' && !spanShape.test(spanId)) report('span_id', 'must be 16 lower-case hex digits', 'string.pattern');
  return eventOverhead + judgeTexts(event, report);
}

/** Reports an event that is too large for the messages that would carry it. */
export function judgeSize(bytes: number, report: Report): void {
  if (bytes > maxEventBytes) report('data', `makes the event larger than ${maxEventBytes} bytes on the wire`, 'message.max_bytes');
}

/** Most events are of the type of the one before. */
let lastGoodType = '';

function judgeType(type: string | undefined, report: Report): void {
  if (!type) report('type', 'is required: dotted lower case, such as config.generated', 'required');
  else if (type.length > limits.type) report('type', `must have at most ${limits.type} characters`, 'string.max_len');
  else if (type !== lastGoodType && !typeShape.test(type))
    report('type', 'must be dotted lower case, such as config.generated', 'string.pattern');
  else lastGoodType = type;
}

function judgeTexts(event: NewEvent, report: Report): number {
  const { id = '', source = '', subject = '', correlationId = '' } = event;
  return (
    judgeText(id, 'id', report) +
    judgeText(source, 'source', report) +
    judgeText(subject, 'subject', report) +
    judgeText(correlationId, 'correlationId', report)
  );
}

const fieldNames = { id: 'id', source: 'source', subject: 'subject', correlationId: 'correlation_id' } as const;

/** Answers what the field takes in the wire form. */
function judgeText(text: string, name: keyof typeof fieldNames, report: Report): number {
  const bytes = utf8Bytes(text);
  const fault = textFault(text, bytes, limits[name]);
  if (fault !== undefined) report(fieldNames[name], fault.message, fault.rule);
  return fieldBytes(bytes);
}

interface Fault {
  readonly message: string;
  readonly rule: string;
}

const halfPair: Fault = { message: 'is not valid Unicode: half a surrogate pair', rule: 'string.utf8' };

function textFault(text: string, bytes: number, maxBytes: number): Fault | undefined {
  // As many bytes as letters: there is nothing but ASCII.
  if (bytes !== text.length && !text.isWellFormed()) return halfPair;
  return bytes > maxBytes ? { message: `must have at most ${maxBytes} bytes`, rule: 'string.max_bytes' } : undefined;
}

/** Answers their size in the wire form. */
export function judgeAttributes(attributes: Readonly<Record<string, string>>, report: Report): number {
  let bytes = 0;
  const entries = Object.entries(attributes);
  if (entries.length > limits.attributes) report('attributes', `must be at most ${limits.attributes}`, 'map.max_pairs');
  for (const [key, value] of entries.slice(0, limits.attributes)) {
    const keySize = utf8Bytes(key);
    const valueSize = utf8Bytes(value);
    const badKey = textFault(key, keySize, limits.key);
    const badValue = textFault(value, valueSize, limits.value);
    if (badKey !== undefined) report('attributes', `a key ${badKey.message}`, badKey.rule);
    if (badValue !== undefined) report(`attributes[${JSON.stringify(key.slice(0, 64))}]`, badValue.message, badValue.rule);
    bytes += fieldBytes(fieldBytes(keySize) + fieldBytes(valueSize));
  }
  return bytes;
}

/** Levels that data may nest. */
export function maxDepthOf(deepest: number = limits.depth): number {
  return Math.min(deepest, limits.depth);
}

/** Judges data on the way of another walk, and adds up the bytes of its wire form. What JSON cannot carry would come back changed: it is refused. */
export function createDataJudge(report: Report, deepest?: number): JsonVisitor & { bytes(): number } {
  let bytes = 0;
  const maxDepth = maxDepthOf(deepest);
  const pathOf = (place: JsonPlace, key: string | number): string => place.path(key).slice(0, longestPath);
  return {
    bytes: () => bytes,
    key(key, place) {
      bytes += keyBytes(key);
      if (!key.isWellFormed()) report(place.path(key).slice(0, -1 - key.length), 'has a key that is not valid Unicode', 'string.utf8');
    },
    value(value, place, key) {
      if (typeof value === 'string') {
        bytes += textBytes(value) + wrapBytes;
        if (!value.isWellFormed()) report(pathOf(place, key), 'is not valid Unicode: half a surrogate pair', 'string.utf8');
      } else if (typeof value === 'number') {
        bytes += numberBytes + wrapBytes;
        if (!Number.isFinite(value)) report(pathOf(place, key), 'must be a finite number', 'double.finite');
      } else if (typeof value !== 'object' || value === null) {
        bytes += scalarBytes + wrapBytes;
      } else {
        bytes += containerBytes;
        if (place.depth >= maxDepth) report(pathOf(place, key), `must not nest deeper than ${maxDepth} levels`, 'depth');
        return place.depth < maxDepth;
      }
      return true;
    },
  };
}
