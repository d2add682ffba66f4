/** Messages of any type, made of a seed: the same seed gives the same message. */
import { create, type DescField, type DescMessage, type JsonObject, type JsonValue, type Message, ScalarType } from '@bufbuild/protobuf';

export type Random = () => number;

/** Numbers of [0, 1) by the mulberry32 generator. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const words = ['', 'a', 'process.started', 'é', '\u{1f6f0}', 'x'.repeat(300), 'a/b c%20', '\n\t"'];

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function scalar(type: ScalarType, random: Random): unknown {
  switch (type) {
    case ScalarType.STRING:
      return pick(random, words);
    case ScalarType.BOOL:
      return random() < 0.5;
    case ScalarType.BYTES:
      return new Uint8Array(Math.floor(random() * 20)).map(() => Math.floor(random() * 256));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return pick(random, [0, -1, 1.5, 1e9]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return BigInt(Math.floor((random() - 0.5) * 2 ** 50));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt(Math.floor(random() * 2 ** 50));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Math.floor(random() * 2 ** 32);
    default:
      return Math.floor((random() - 0.5) * 2 ** 31);
  }
}

function single(field: DescField, random: Random, depth: number): unknown {
  if (field.enum !== undefined) return pick(random, field.enum.values).number;
  if (field.message?.typeName === 'google.protobuf.Struct') return jsonObject(random, depth);
  if (field.message !== undefined && /^google\.protobuf\.(Timestamp|Duration)$/.test(field.message.typeName))
    return moment(field.message, random);
  if (field.message !== undefined) return randomMessage(field.message, random, depth + 1);
  return scalar(field.scalar ?? ScalarType.STRING, random);
}

function value(field: DescField, random: Random, depth: number): unknown {
  const count = Math.floor(random() * 4);
  if (field.fieldKind === 'list') return Array.from({ length: count }, () => single(field, random, depth));
  if (field.fieldKind === 'map')
    return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, single(field, random, depth)]));
  return single(field, random, depth);
}

/** Types of which not every message has a form in JSON. */
function isPlain(field: DescField): boolean {
  return field.message === undefined || !/^google\.protobuf\.(Value|ListValue|Any|FieldMask)$/.test(field.message.typeName);
}

function json(random: Random, depth: number): JsonValue {
  const kind = Math.floor(random() * (depth > 3 ? 4 : 6));
  const items = (): JsonValue[] => Array.from({ length: Math.floor(random() * 3) }, () => json(random, depth + 1));
  if (kind === 0) return null;
  if (kind === 1) return random() < 0.5;
  if (kind === 2) return pick(random, [0, -1, 1.5, 1e300, 2 ** 53]);
  if (kind === 3) return pick(random, words);
  return kind === 4 ? items() : jsonObject(random, depth + 1);
}

function jsonObject(random: Random, depth: number): JsonObject {
  return Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, (_, i) => [pick(random, words) + i, json(random, depth)]));
}

/** Whole moments and spans of the range that JSON has a form for. */
function moment(desc: DescMessage, random: Random): Message {
  const nanos = pick(random, [0, 1, 5_000_000, 120_000, 999_999_999]);
  const years = desc.typeName.endsWith('Timestamp') ? 8_000 : 100;
  return create(desc, { seconds: BigInt(Math.floor(random() * 31_000_000 * years)) - 60_000_000n * BigInt(nanos === 0), nanos } as never);
}

export function randomMessage<D extends DescMessage>(desc: D, random: Random, depth = 0): Message {
  const init: Record<string, unknown> = {};
  for (const field of desc.fields) {
    if (depth > 3 || random() < 0.4 || field.oneof !== undefined || !isPlain(field)) continue;
    init[field.localName] = value(field, random, depth);
  }
  return create(desc, init as never);
}
