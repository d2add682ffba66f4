/** Messages of any type, made of a seed: the same seed gives the same message. */
import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';

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

/** Free-form data is left out: its type is JSON, not fields. */
function isPlain(field: DescField): boolean {
  return field.message === undefined || !/^google\.protobuf\.(Struct|Value|ListValue|Any)$/.test(field.message.typeName);
}

export function randomMessage<D extends DescMessage>(desc: D, random: Random, depth = 0): Message {
  const init: Record<string, unknown> = {};
  for (const field of desc.fields) {
    if (depth > 3 || random() < 0.4 || field.oneof !== undefined || !isPlain(field)) continue;
    init[field.localName] = value(field, random, depth);
  }
  return create(desc, init as never);
}
