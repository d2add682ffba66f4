/**
 * What values take in the wire form of google.protobuf.Struct, in bytes. Numbers are where it grows: `1,` is two bytes of JSON and eleven on the wire,
 * so that JSON alone is no measure of the message that carries it.
 */

/** A page and a message of a stream end here, unless one item alone is larger: clients of gRPC take messages of at most 4 MiB unless told otherwise. */
export const messageBytes = 1 << 20;

/** So many messages inside of one another are taken by readers of protobuf, ours among them; what nests deeper cannot be read. */
const nestedMessages = 100;

/** Levels that a Struct may nest inside of so many messages: each level is a message, and each value in it is one too. */
export function structLevels(around: number): number {
  return Math.floor((nestedMessages - around) / 2);
}

/** What the fields around a value take: of a list an item, of a map an entry. */
export const wrapBytes = 2;
/** What a list or an object takes besides what is in it, about. */
export const containerBytes = 10;
export const numberBytes = 9;
export const scalarBytes = 2;

/** A length-delimited field: its tag, its length, its content. */
export function fieldBytes(content: number): number {
  return content < 128 ? content + 2 : content < 16_384 ? content + 3 : content + 5;
}

export function textBytes(text: string): number {
  return fieldBytes(utf8Bytes(text));
}

/** A text shorter than this is counted letter by letter: a call of `Buffer.byteLength` costs more. */
const shortText = 64;

/** Bytes of a text in UTF-8; half a surrogate pair counts as three. */
export function utf8Bytes(text: string): number {
  if (text.length > shortText) return Buffer.byteLength(text);
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

/** What a key adds to the value that stands under it. */
export function keyBytes(key: string): number {
  return fieldBytes(textBytes(key)) - 2 + wrapBytes;
}

/** One entry of a map: key and value are fields of a message of their own. */
export function entryBytes(key: string, value: number): number {
  return fieldBytes(textBytes(key) + value);
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A google.protobuf.Value. Its depth was judged before. */
export function valueBytes(value: Json): number {
  if (typeof value === 'number') return numberBytes;
  if (typeof value === 'string') return textBytes(value);
  if (typeof value !== 'object' || value === null) return scalarBytes;
  let bytes = 0;
  if (Array.isArray(value)) for (const item of value) bytes += fieldBytes(valueBytes(item));
  else for (const [key, item] of Object.entries(value)) bytes += entryBytes(key, fieldBytes(valueBytes(item)));
  return fieldBytes(bytes);
}
