/**
 * What values take in the wire form of google.protobuf.Struct, in bytes. Numbers are where it grows: `1,` is two bytes of JSON and eleven on the wire,
 * so that JSON alone is no measure of the message that carries it.
 */

/** What an event has besides texts and data: tags, revision, both times, priority. */
export const eventOverhead = 160;
/** Events whose wire form is larger are refused: clients of gRPC take messages of at most 4 MiB unless told otherwise. */
export const maxEventBytes = 3 << 20;
/** A page and a message of a watch end here, unless one event alone is larger. */
export const messageBytes = 1 << 20;

export const numberBytes = 9;
export const scalarBytes = 2;

/** A length-delimited field: its tag, its length, its content. */
export function fieldBytes(content: number): number {
  return content < 128 ? content + 2 : content < 16_384 ? content + 3 : content + 5;
}

export function textBytes(text: string): number {
  return fieldBytes(Buffer.byteLength(text));
}

/** One entry of a map: key and value are fields of a message of their own. */
export function entryBytes(key: string, value: number): number {
  return fieldBytes(textBytes(key) + value);
}
