/** Our reader of batches beside the library's: the same events, whatever is in them, and the data as the text of the same object. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Event, EventSchema } from '../../gen/es/sboxagent/v1/event_pb.js';
import {
  type CreateEventRequest,
  CreateEventRequestSchema,
  type PublishEventsRequest,
  PublishEventsRequestSchema,
} from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { ListPluginsResponseSchema } from '../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { encodeMessage, toMessage } from '../../src/api/codec/binary.ts';
import { readCreateEvent, readPublishEvents, type TextEvent } from '../../src/api/codec/read-events.ts';
import { newEvents } from '../../src/api/convert/event.ts';
import { ingest } from '../../src/events/ingest.ts';
import { encodeBody, storedEvent } from '../../src/events/record.ts';
import type { JsonObject } from '../../src/events/types.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createRedactor } from '../../src/kernel/redaction.ts';
import { pick, type Random, randomMessage, seeded } from '../helpers/random-message.ts';

/** As the library has it: without what is ours, and with what it always has. */
function plain({ dataText, data, ...fields }: TextEvent): Event {
  const given = dataText?.value() ?? data;
  return create(EventSchema, given === undefined ? fields : { ...fields, data: given as never });
}

function readBoth(bytes: Buffer): { readonly ours: PublishEventsRequest; readonly library: PublishEventsRequest } {
  return { ours: readPublishEvents(bytes) as PublishEventsRequest, library: fromBinary(PublishEventsRequestSchema, bytes) };
}

function compare(bytes: Buffer, what: string): PublishEventsRequest {
  const { ours, library } = readBoth(bytes);
  assert.equal(ours.batchId, library.batchId, what);
  assert.deepEqual(ours.events.map(plain), library.events, what);
  assert.deepEqual(toBinary(PublishEventsRequestSchema, ours), toBinary(PublishEventsRequestSchema, library), what);
  for (const [i, { dataText }] of (ours.events as TextEvent[]).entries())
    if (dataText !== undefined) assert.equal(dataText.json, JSON.stringify(library.events[i]?.data), what);
  return ours;
}

const encoded = (...events: MessageInitShape<typeof EventSchema>[]): Buffer =>
  Buffer.from(toBinary(PublishEventsRequestSchema, create(PublishEventsRequestSchema, { batchId: 7n, events })));

/** One event of raw bytes. */
function rawEvent(write: (writer: BinaryWriter) => BinaryWriter): Buffer {
  return Buffer.from(new BinaryWriter().uint32(0x12).bytes(write(new BinaryWriter()).finish()).finish());
}

const words = [
  '',
  'a',
  'two words',
  'a "quoted" \\ text',
  'é',
  '\u{1f6f0} far',
  'x'.repeat(200),
  'line\nbreak',
  '\u2028\u0000',
  '\ufeffmark',
];
const keys = ['name', 'url', 'note', 'password', 'api_key', 'é', 'a"b', '__proto__', '12', '007', 'args', 'toString', '', 'x'.repeat(140)];

function randomJson(random: Random, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 5 : 7));
  if (kind === 0) return null;
  if (kind === 1) return random() < 0.5;
  if (kind === 2) return pick(random, [0, -0, 1, -1, 84, 1.5, 1e21, 5e-324, 2 ** 53]);
  if (kind === 3) return pick(random, ['https://user:secret@example.org/x?token=abc', '--password hunter2', 'vless://x']);
  if (kind === 4) return pick(random, words);
  if (kind === 5) return Array.from({ length: Math.floor(random() * 4) }, () => randomJson(random, depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [pick(random, keys), randomJson(random, depth + 1)]));
}

/** An event as publishers make them: nothing in it that is the agent's. */
function randomEvent(random: Random): MessageInitShape<typeof EventSchema> {
  const maybe = <T>(value: T): T | undefined => (random() < 0.6 ? value : undefined);
  const made = {
    ...{ id: maybe(pick(random, words)), type: pick(random, ['a.b', 'config.generated']), source: maybe(pick(random, words)) },
    ...{ subject: maybe(pick(random, words)), severity: Math.floor(random() * 6), priority: maybe(Math.floor(random() * 101)) },
    ...{ time: maybe({ seconds: BigInt(Math.floor(random() * 2e9)), nanos: Math.floor(random() * 1e9) }), traceId: maybe('ab'.repeat(16)) },
    ...{ spanId: maybe('cd'.repeat(8)), correlationId: maybe(pick(random, words)) },
    attributes: Object.fromEntries(Array.from({ length: Math.floor(random() * 20) }, () => [pick(random, keys), pick(random, words)])),
    data: maybe(Object.fromEntries(Array.from({ length: Math.floor(random() * 8) }, () => [pick(random, keys), randomJson(random, 1)]))),
  };
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as MessageInitShape<typeof EventSchema>;
}

describe('a batch of events off the wire', () => {
  it('is what the library makes of it', () => {
    const random = seeded(5);
    let texts = 0;
    for (let n = 0; n < 1500; n += 1) {
      const events = Array.from({ length: Math.floor(random() * 5) }, () => randomEvent(random));
      const { events: read } = compare(encoded(...events), `batch ${n}`);
      texts += read.filter((event: TextEvent) => event.dataText !== undefined).length;
    }
    assert.ok(texts > 300, `${texts} of them were read as text`);
    for (let n = 0; n < 300; n += 1) compare(encoded(randomMessage(EventSchema, random) as Event), `any event ${n}`);
  });

  it('is left to the library where it has more events than a batch may have', () => {
    const of = (count: number): Buffer => encoded(...Array.from({ length: count }, (_, n) => ({ type: 'a.b', data: { n } })));
    const texts = ({ events }: PublishEventsRequest): number => events.filter((event: TextEvent) => event.dataText !== undefined).length;
    assert.equal(texts(compare(of(1000), 'as many as may be')), 1000);
    assert.equal(texts(compare(of(1001), 'one too many')), 0);
    const broken = Buffer.concat([of(1001), Buffer.from([0x12, 0x05, 0x1a])]);
    assert.throws(() => readPublishEvents(broken), /premature EOF|out of range|index/i);
  });

  it('is read alike where it is the only one', () => {
    const random = seeded(6);
    for (let n = 0; n < 500; n += 1) {
      const requestId = pick(random, ['', '', 'again']);
      const bytes = Buffer.from(
        toBinary(CreateEventRequestSchema, create(CreateEventRequestSchema, { event: randomEvent(random), requestId })),
      );
      const [ours, library] = [readCreateEvent(bytes) as CreateEventRequest, fromBinary(CreateEventRequestSchema, bytes)];
      assert.deepEqual(toBinary(CreateEventRequestSchema, ours), toBinary(CreateEventRequestSchema, library), `request ${n}`);
      assert.deepEqual(ours.event && plain(ours.event), library.event);
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from([0x0a, 0, 0x0a, 0]), Buffer.from([0x18, 1])])
      assert.deepEqual(readCreateEvent(bytes), fromBinary(CreateEventRequestSchema, bytes));
  });

  it('leads to the same row, masked or refused in the same way', () => {
    const random = seeded(9);
    const options = {
      ...{
        context: { source: 'test', maxDepth: 3 },
        clock: { ...systemClock, wallMs: () => 1_700_000_000_123 },
        redactor: createRedactor(),
        stamp: () => undefined,
      },
    };
    const outcome = (events: readonly Event[]): unknown => {
      try {
        return ingest(newEvents(events), options).map(({ event, wireBytes }) => {
          const whole = { ...event, id: 'i' };
          return { body: encodeBody(whole), stored: storedEvent(1, whole), wireBytes };
        });
      } catch (error) {
        return error;
      }
    };
    const seen = { stored: 0, masked: 0, refused: 0 };
    for (let n = 0; n < 1500; n += 1) {
      const { ours, library } = readBoth(encoded(randomEvent(random)));
      const [mine, theirs] = [outcome(ours.events), outcome(library.events)];
      assert.deepEqual(mine, theirs, `event ${n}`);
      if (!Array.isArray(mine)) seen.refused += 1;
      else seen[mine[0].stored.redacted.length > 0 ? 'masked' : 'stored'] += 1;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: ${count}`);
  });

  it('nests as deep as the library reads it, and no deeper', () => {
    const nested: Readonly<Record<string, (levels: number) => unknown>> = {
      objects: (levels) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`),
      'objects around an empty one': (levels) => JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`),
      lists: (levels) => ({ a: JSON.parse(`${'['.repeat(levels - 1)}1${']'.repeat(levels - 1)}`) }),
    };
    const outcome = (read: () => unknown): string => {
      try {
        read();
        return 'read';
      } catch (error) {
        return String(error);
      }
    };
    for (const [what, of] of Object.entries(nested)) {
      for (let levels = 47; levels <= 62; levels += 1) {
        const event = { type: 'a.b', data: of(levels) };
        const batch = encodeMessage(PublishEventsRequestSchema, { events: [event] });
        const single = encodeMessage(CreateEventRequestSchema, { event });
        const library = outcome(() => fromBinary(PublishEventsRequestSchema, batch));
        assert.equal(library === 'read', levels < 50, `${levels} ${what}`);
        assert.deepEqual([outcome(() => readPublishEvents(batch)), outcome(() => readCreateEvent(single))], [library, library]);
      }
    }
  });

  it('is stored where every client can read it, and else refused', () => {
    const deep = (levels: number): JsonObject => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
    const store = (levels: number): unknown => {
      const options = { context: { source: 'test', maxDepth: 1000 }, clock: systemClock, redactor: undefined, stamp: () => undefined };
      return ingest([{ type: 'a.b', data: deep(levels) }], options);
    };
    store(48);
    assert.throws(() => store(49), { reason: 'INVALID_REQUEST' });
    const plugins = (levels: number) => toMessage(ListPluginsResponseSchema, { plugins: [{ id: 'p', health: { data: deep(levels) } }] });
    assert.ok(plugins(48));
    assert.throws(() => plugins(49), /recursion depth/);
  });

  const data = (write: (struct: BinaryWriter) => BinaryWriter): Buffer =>
    rawEvent((event) => event.uint32(0x1a).string('a.b').uint32(0x6a).bytes(write(new BinaryWriter()).finish()));
  const entry = (key: string, value: (writer: BinaryWriter) => BinaryWriter): Uint8Array =>
    new BinaryWriter().uint32(0x0a).string(key).uint32(0x12).bytes(value(new BinaryWriter()).finish()).finish();
  const one = (writer: BinaryWriter): BinaryWriter => writer.uint32(0x11).double(1);
  const rare: Readonly<Record<string, Buffer>> = {
    'nothing at all': Buffer.alloc(0),
    'a number of the batch that is negative': Buffer.from(
      toBinary(PublishEventsRequestSchema, create(PublishEventsRequestSchema, { batchId: -3n, events: [{ type: 'a' }] })),
    ),
    'a field of the batch that nobody knows': Buffer.concat([encoded({ type: 'a' }), Buffer.from([0x28, 0x01])]),
    'a field of the event that nobody knows': rawEvent((event) => event.uint32(0x1a).string('a.b').uint32(0x80).uint32(5)),
    'fields that are the agent’s': encoded({ type: 'a', revision: 9n, redacted: ['data.x'], ingestTime: { seconds: 1n } }),
    'a type that comes twice': rawEvent((event) => event.uint32(0x1a).string('a').uint32(0x1a).string('b')),
    'data that comes twice': rawEvent((event) =>
      event
        .uint32(0x6a)
        .bytes(new BinaryWriter().uint32(0x0a).bytes(entry('a', one)).finish())
        .uint32(0x6a)
        .bytes(new BinaryWriter().uint32(0x0a).bytes(entry('b', one)).finish()),
    ),
    'a time that comes twice': rawEvent((event) =>
      event
        .uint32(0x42)
        .bytes(new Uint8Array([8, 1]))
        .uint32(0x42)
        .bytes(new Uint8Array([16, 2])),
    ),
    'a time before 1970': encoded({ type: 'a', time: { seconds: -5n, nanos: 1 } }),
    'a key that comes twice': data((struct) =>
      struct
        .uint32(0x0a)
        .bytes(entry('a', one))
        .uint32(0x0a)
        .bytes(entry('a', (v) => v.uint32(0x20).bool(true))),
    ),
    'a value without a kind': data((struct) => struct.uint32(0x0a).bytes(entry('a', (value) => value))),
    'a value of two kinds': data((struct) => struct.uint32(0x0a).bytes(entry('a', (value) => one(one(value))))),
    'a value before its key': data((struct) =>
      struct.uint32(0x0a).bytes(new BinaryWriter().uint32(0x12).bytes(one(new BinaryWriter()).finish()).uint32(0x0a).string('k').finish()),
    ),
    'a number that is none': data((struct) => struct.uint32(0x0a).bytes(entry('a', (value) => value.uint32(0x11).double(Number.NaN)))),
    'an attribute without a value': rawEvent((event) => event.uint32(0x72).bytes(new BinaryWriter().uint32(0x0a).string('k').finish())),
    'an attribute that comes twice': rawEvent((event) =>
      ['1', '2'].reduce(
        (all, value) => all.uint32(0x72).bytes(new BinaryWriter().uint32(0x0a).string('k').uint32(0x12).string(value).finish()),
        event,
      ),
    ),
    'keys that are numbers': encoded({ type: 'a', data: { b: 1, 2: 2, 1: 1 } as never }),
    'an object of many keys': encoded({ type: 'a', data: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])) }),
    'a severity that nobody knows': encoded({ type: 'a', severity: 77 as never }),
    'a priority below zero': encoded({ type: 'a', priority: -1 }),
    'what is deep': encoded({ type: 'a', data: JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) }),
  };
  for (const [name, bytes] of Object.entries(rare)) it(`reads ${name} as the library does`, () => void compare(bytes, name));

  const bad: Readonly<Record<string, Buffer>> = {
    'no protobuf': Buffer.from([255, 255, 255]),
    'half an event': encoded({ type: 'a.b', subject: 'x'.repeat(50) }).subarray(0, 30),
    'text that is no UTF-8': rawEvent((event) => event.uint32(0x1a).bytes(new Uint8Array([0xff, 0xfe]))),
    'data that is no UTF-8': data((struct) =>
      struct.uint32(0x0a).bytes(entry('a', (value) => value.uint32(0x1a).bytes(new Uint8Array([0xc3])))),
    ),
    'what is too deep': encoded({ type: 'a', data: JSON.parse(`${'{"a":'.repeat(120)}1${'}'.repeat(120)}`) }),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    it(`refuses ${name} in the words of the library`, () => {
      const messageOf = (read: () => unknown): string => {
        try {
          read();
          return 'it was read';
        } catch (error) {
          return String(error);
        }
      };
      const said = messageOf(() => fromBinary(PublishEventsRequestSchema, bytes));
      assert.notEqual(said, 'it was read');
      assert.equal(
        messageOf(() => readPublishEvents(bytes)),
        said,
      );
      compare(encoded({ type: 'a.b', data: { after: 'it' } }), 'the next one is read as ever');
    });
  }
});
