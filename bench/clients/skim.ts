import { BinaryReader } from '@bufbuild/protobuf/wire';

/** How often each field number stands at the top of an encoded message; what is inside is not decoded. */
export function fieldCounts(body: Uint8Array): ReadonlyMap<number, number> {
  const reader = new BinaryReader(body);
  const counts = new Map<number, number>();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    counts.set(field, (counts.get(field) ?? 0) + 1);
    reader.skip(wireType, field);
  }
  return counts;
}
