/** Free-form data, which is JSON in our hands and `google.protobuf.Struct` on the wire. */
import { lengthDelimited, out, tagOf } from './bytes.ts';

/** `google.protobuf.Struct` of what is JSON already. */
export function writeStruct(json: unknown): void {
  for (const [key, value] of Object.entries(json as object)) {
    if (value === undefined) continue;
    out.varint(tagOf(1, lengthDelimited));
    const entry = out.open();
    out.varint(tagOf(1, lengthDelimited));
    out.text(key);
    out.varint(tagOf(2, lengthDelimited));
    const start = out.open();
    writeJson(value);
    out.close(start);
    out.close(entry);
  }
}

/** `google.protobuf.Value` of what is JSON already. */
export function writeJson(value: unknown): void {
  switch (typeof value) {
    case 'number':
      out.varint(tagOf(2, 1));
      out.double(value);
      return;
    case 'string':
      out.varint(tagOf(3, lengthDelimited));
      out.text(value);
      return;
    case 'boolean':
      out.varint(tagOf(4, 0));
      out.varint(value ? 1 : 0);
      return;
    default:
      if (value === null) writeNull();
      else if (Array.isArray(value)) writePart(6, () => writeList(value));
      else writePart(5, () => writeStruct(value));
  }
}

function writeNull(): void {
  out.varint(tagOf(1, 0));
  out.varint(0);
}

function writePart(number: number, write: () => void): void {
  out.varint(tagOf(number, lengthDelimited));
  const start = out.open();
  write();
  out.close(start);
}

function writeList(items: readonly unknown[]): void {
  for (const item of items) writePart(1, () => writeJson(item));
}
