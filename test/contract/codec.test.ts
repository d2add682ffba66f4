/** Our writers of messages beside the library's: the same bytes and the same text, for a message and for its fields alone. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { create, type DescFile, type DescMessage, fromBinary, fromJson, type Message, toBinary, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { encodeMessage, toMessage } from '../../src/api/codec/binary.ts';
import { jsonWriter } from '../../src/api/codec/json.ts';
import { randomMessage, seeded } from '../helpers/random-message.ts';

const folder = new URL('../../gen/es/sboxagent/v1/', import.meta.url);

function withNested(desc: DescMessage): DescMessage[] {
  return [desc, ...desc.nestedMessages.flatMap(withNested)];
}

async function messagesOf(name: string): Promise<DescMessage[]> {
  const module: Record<string, unknown> = await import(new URL(name, folder).href);
  const file = Object.entries(module).find(([key]) => key.startsWith('file_'))?.[1] as DescFile;
  return file.messages.flatMap(withNested);
}

/** What a service may answer instead: the fields, without those that are not set, and without the names of types. */
function fieldsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fieldsOf);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => key !== '$typeName' && item !== undefined)
      .map(([key, item]) => [key, fieldsOf(item)]),
  );
}

/** The same as a room says it: times in milliseconds, values of enums by name, 64 bits as numbers. Times are cut to microseconds in both. */
function wordsOf(desc: DescMessage, message: Message): object {
  const said: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const value: unknown = Reflect.get(message, field.localName);
    if (value === undefined) continue;
    const one = (item: unknown): unknown => {
      if (field.enum !== undefined) return field.enum.values.find(({ number }) => number === item)?.name;
      if (typeof item === 'bigint') return Number(item);
      if (field.message === undefined || field.message.typeName === 'google.protobuf.Struct') return item;
      return field.message.typeName.startsWith('google.protobuf.') ? fieldsOf(item) : wordsOf(field.message, item as Message);
    };
    if (field.fieldKind === 'message' && /\.(Timestamp|Duration)$/.test(field.message.typeName)) {
      const time = value as { seconds: bigint; nanos: number };
      time.nanos -= time.nanos % 1000;
      const ms = Number(time.seconds) * 1000 + time.nanos / 1_000_000;
      // A number holds milliseconds to the microsecond up to the year 2039.
      if (Math.abs(ms) < 2 ** 41) said[`${field.localName}Ms`] = ms;
      else said[field.localName] = { seconds: Number(time.seconds), nanos: time.nanos };
    } else if (field.fieldKind === 'list') said[field.localName] = (value as unknown[]).map(one);
    else if (field.fieldKind === 'map')
      said[field.localName] = Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, one(v)]));
    else said[field.localName] = one(value);
  }
  return said;
}

function text(desc: DescMessage, message: Message): string {
  return JSON.stringify(toJson(desc, message, { useProtoFieldName: true, alwaysEmitImplicit: true }));
}

describe('a message in bytes and in text', () => {
  const all: DescMessage[] = [];
  before(async () => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('_pb.js'))) all.push(...(await messagesOf(name)));
    assert.ok(all.length > 100, `${all.length} messages`);
  });

  it('is what the library makes of it, and of its fields alone', () => {
    const random = seeded(11);
    for (const desc of all) {
      const empty = create(desc);
      for (const message of [empty, ...Array.from({ length: 30 }, () => randomMessage(desc, random))]) {
        const fields = fieldsOf(message) as object;
        const bytes = Buffer.from(toBinary(desc, message));
        assert.deepEqual(encodeMessage(desc, message), bytes, desc.typeName);
        assert.deepEqual(encodeMessage(desc, fields), bytes, desc.typeName);
        const said = text(desc, message);
        assert.equal(jsonWriter(desc)(message), said, desc.typeName);
        assert.equal(jsonWriter(desc)(fields), said, desc.typeName);
      }
    }
  });

  it('is the same of what a room says: times in milliseconds, names, numbers', () => {
    const random = seeded(12);
    let times = 0;
    for (const desc of all) {
      for (let n = 0; n < 30; n += 1) {
        const message = randomMessage(desc, random);
        const said = wordsOf(desc, message);
        times += Object.keys(said).filter((name) => name.endsWith('Ms')).length;
        assert.deepEqual(encodeMessage(desc, said), Buffer.from(toBinary(desc, message)), desc.typeName);
        assert.equal(jsonWriter(desc)(said), text(desc, message), desc.typeName);
        assert.deepEqual(toMessage(desc, said), fromBinary(desc, toBinary(desc, message)), desc.typeName);
      }
    }
    assert.ok(times > 100, `${times} times`);
  });

  it('takes a moment before 1970, a span below zero, and a value that is JSON', () => {
    const exit = all.find(({ typeName }) => typeName === 'sboxagent.v1.Process.Exit') as DescMessage;
    const said = toMessage(exit, { timeMs: -1.5, durationMs: -1500.25 });
    assert.equal(text(exit, said), '{"signal":"","time":"1969-12-31T23:59:59.998500Z","oom_killed":false,"duration":"-1.500250s"}');
    assert.equal(jsonWriter(exit)({ timeMs: -1.5, durationMs: -1500.25 }), text(exit, said));
    const change = all.find(({ typeName }) => typeName === 'sboxagent.v1.ConfigChange.Change') as DescMessage;
    for (const value of [null, 0, 'x', true, [1, null, { a: [] }], {}]) {
      const message = create(change, { path: 'a', oldValue: fromJson(ValueSchema, value) } as never);
      assert.deepEqual(encodeMessage(change, { path: 'a', oldValue: value }), Buffer.from(toBinary(change, message)));
      assert.equal(jsonWriter(change)({ path: 'a', oldValue: value }), text(change, message));
    }
  });

  it('leaves room for the head of a frame, and may be larger than any buffer', () => {
    const desc = all.find(({ typeName }) => typeName === 'sboxagent.v1.Event') as DescMessage;
    const message = create(desc, { subject: 'x'.repeat(5), data: { long: 'é'.repeat(200_000), deep: [[[{}]]] } } as never);
    const bytes = Buffer.from(toBinary(desc, message));
    assert.deepEqual(encodeMessage(desc, message, 5).subarray(5), bytes);
    assert.deepEqual(encodeMessage(desc, message), bytes);
  });

  it('refuses a number that its field does not take', () => {
    const desc = all.find(({ typeName }) => typeName === 'sboxagent.v1.AgentStatus') as DescMessage;
    for (const pid of [2 ** 31, 1.5, Number.NaN]) assert.throws(() => encodeMessage(desc, { pid }), /pid/);
  });
});
