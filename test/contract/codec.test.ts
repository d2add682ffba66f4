/** Our writers of messages beside the library's: the same bytes and the same text, for a message and for its fields alone. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { create, type DescFile, type DescMessage, type Message, toBinary, toJson } from '@bufbuild/protobuf';
import { encodeMessage } from '../../src/api/codec/binary.ts';
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
