const lengthDelimited = 2;

export interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Buffer | undefined;
}

/**
 * The fields of a protobuf message of an engine's API: varints and length-delimited ones, for there are no others in these messages. Throws
 * where the bytes are none.
 */
export function fieldsOf(message: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      if (byte === undefined || shift > 63) throw new Error('its statistics cannot be read');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    const isBytes = (tag & 7) === lengthDelimited;
    if (isBytes && at + value > message.length) throw new Error('its statistics cannot be read');
    fields.push({ number: tag >> 3, value, bytes: isBytes ? message.subarray(at, at + value) : undefined });
    if (isBytes) at += value;
  }
  return fields;
}
