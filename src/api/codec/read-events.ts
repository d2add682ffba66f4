/**
 * Events off the wire. Their data becomes JSON text, which is what the journal keeps, and no object in between; what is rare in an event
 * (fields that are the agent's own, a key that is a number, a field that comes twice) is left to the library, that event alone. The contract suite
 * holds it to the library's reader.
 */
import { create, type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { type Event, EventSchema } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { CreateEventRequestSchema, PublishEventsRequestSchema } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { JsonText } from '../../kernel/json-text.ts';
import { readStructText } from './read-struct.ts';
import { tooDeep, unusual, wire } from './wire-reader.ts';

/** An event whose data is text, and becomes an object only for who asks. */
export type TextEvent = Event & { readonly dataText?: JsonText | undefined };

const tags = {
  ...{ id: 0x0a, type: 0x1a, source: 0x22, subject: 0x2a, severity: 0x30, priority: 0x38 },
  ...{ time: 0x42, traceId: 0x52, spanId: 0x5a, correlationId: 0x62, data: 0x6a, attributes: 0x72 },
} as const;

/** Places of the texts that events repeat, one after the other; those of attributes follow, two for each. */
const places = { type: 0, source: 1, subject: 2, traceId: 3, spanId: 4, correlationId: 5, attributes: 8 } as const;
const rememberedAttributes = 12;

/** Of one batch, by the rules of BatchCreateEvents. A longer one is refused: what is read here is worth nothing then, and the library reads it for its errors. */
export const maxBatchEvents = 1000;

/** Whether the message has a URL anywhere. */
let urls = false;

/** `sboxagent.v1.PublishEventsRequest`; throws what the library throws. */
export function readPublishEvents(bytes: Buffer): Message {
  return read(bytes, PublishEventsRequestSchema, () => {
    const request = create(PublishEventsRequestSchema);
    while (wire.more()) {
      const tag = wire.byte();
      if (tag === 0x08) request.batchId = BigInt(wire.number());
      else if (tag === 0x12 && request.events.length < maxBatchEvents) request.events.push(readEvent(bytes));
      else throw unusual;
    }
    return request;
  });
}

/** `sboxagent.v1.CreateEventRequest`, likewise. One with a request_id is the library's: the request is remembered as it came. */
export function readCreateEvent(bytes: Buffer): Message {
  return read(bytes, CreateEventRequestSchema, () => {
    const request = create(CreateEventRequestSchema);
    while (wire.more()) {
      if (wire.byte() !== 0x0a || request.event !== undefined) throw unusual;
      request.event = readEvent(bytes);
    }
    return request;
  });
}

function read(bytes: Buffer, schema: DescMessage, common: () => Message): Message {
  try {
    wire.begin(bytes);
    urls = wire.has('://');
    return common();
  } catch (error) {
    if (error !== unusual && error !== tooDeep) throw error;
    return fromBinary(schema, bytes);
  } finally {
    wire.forget();
  }
}

function readEvent(bytes: Buffer): Event {
  const part = wire.enter();
  const { end } = wire;
  try {
    const event = readFields();
    wire.leave(part);
    return event;
  } catch (error) {
    if (error !== unusual) throw error;
    wire.leaveAt(end, part);
    return fromBinary(EventSchema, bytes.subarray(part.at, end));
  }
}

/** In place of the attributes that are put there at the end. */
const noAttributes: Record<string, string> = {};

/** Own and the same for all events: the library takes a field for absent that is the prototype's, and a getter written in a literal costs a microsecond. */
const dataAccessor: PropertyDescriptor = {
  get(this: ReadEvent) {
    return this.dataText?.value();
  },
  enumerable: true,
};

/** An event without a field, of one shape for all: what may be absent is no field of it before it is read. */
class ReadEvent implements Event {
  readonly $typeName = EventSchema.typeName;
  id = '';
  revision = 0n;
  type = '';
  source = '';
  subject = '';
  severity = 0;
  declare priority?: number;
  declare time?: Timestamp;
  declare readonly ingestTime?: Timestamp;
  traceId = '';
  spanId = '';
  correlationId = '';
  /** For whoever wants the message as it is: it is made then. */
  declare readonly data?: NonNullable<Event['data']>;
  attributes: Record<string, string> = noAttributes;
  redacted: string[] = [];
  dataText: JsonText | undefined = undefined;

  constructor() {
    Object.defineProperty(this, 'data', dataAccessor);
  }
}

function readFields(): Event {
  const event = new ReadEvent();
  labels.begin();
  while (wire.more()) {
    const tag = wire.byte();
    switch (tag) {
      case tags.data:
        if (event.dataText !== undefined) throw unusual;
        event.dataText = readStructText(urls);
        break;
      case tags.attributes:
        labels.read();
        break;
      default:
        readField(event, tag);
    }
  }
  event.attributes = labels.made();
  return event;
}

function readField(event: ReadEvent, tag: number): void {
  switch (tag) {
    case tags.id:
      event.id = wire.text();
      return;
    case tags.type:
      event.type = wire.repeatedText(places.type);
      return;
    case tags.source:
      event.source = wire.repeatedText(places.source);
      return;
    case tags.subject:
      event.subject = wire.repeatedText(places.subject);
      return;
    case tags.severity:
      event.severity = wire.int();
      return;
    case tags.priority:
      event.priority = wire.int();
      return;
    case tags.time:
      if (event.time !== undefined) throw unusual;
      event.time = readTime();
      return;
    case tags.traceId:
      event.traceId = wire.repeatedText(places.traceId);
      return;
    case tags.spanId:
      event.spanId = wire.repeatedText(places.spanId);
      return;
    case tags.correlationId:
      event.correlationId = wire.repeatedText(places.correlationId);
      return;
    default:
      throw unusual;
  }
}

function readTime(): Timestamp {
  const part = wire.enter();
  let seconds = 0;
  let nanos = 0;
  while (wire.more()) {
    const tag = wire.byte();
    if (tag === 0x08) seconds = wire.number();
    else if (tag === 0x10) nanos = wire.int();
    else throw unusual;
  }
  wire.leave(part);
  return { $typeName: TimestampSchema.typeName, seconds: BigInt(seconds), nanos };
}

/** Attributes: most events have those of the one before, and then the same object of them, which nobody changes. */
class Labels {
  /** Keys and values in turn. */
  #now: string[] = [];
  #before: string[] = [];
  #made: Record<string, string> = {};

  begin(): void {
    this.#now = [];
  }

  /** One entry of the map. */
  read(): void {
    const part = wire.enter();
    const place = places.attributes + Math.min(this.#now.length, 2 * (rememberedAttributes - 1));
    wire.expect(0x0a);
    const key = wire.repeatedText(place);
    wire.expect(0x12);
    const value = wire.repeatedText(place + 1);
    if (wire.more() || key === '__proto__') throw unusual;
    wire.leave(part);
    this.#now.push(key, value);
  }

  made(): Record<string, string> {
    const { length } = this.#now;
    let same = length === this.#before.length;
    for (let i = 0; same && i < length; i += 1) same = this.#now[i] === this.#before[i];
    if (same) return this.#made;
    const made: Record<string, string> = {};
    for (let i = 0; i < length; i += 2) made[this.#now[i] ?? ''] = this.#now[i + 1] ?? '';
    this.#before = length > 2 * rememberedAttributes ? [] : this.#now;
    this.#made = length > 2 * rememberedAttributes ? {} : made;
    return made;
  }
}

const labels = new Labels();
