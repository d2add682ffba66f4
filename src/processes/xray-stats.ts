export interface Stat {
  readonly name: string;
  readonly value: number;
}

const lengthDelimited = 2;

/** xray's `QueryStatsResponse { repeated Stat stat = 1 }`, `Stat { string name = 1; int64 value = 2 }`. Throws where the bytes are none. */
export function readStats(message: Buffer): readonly Stat[] {
  return fieldsOf(message).flatMap(({ number, bytes }) => {
    if (number !== 1 || bytes === undefined) return [];
    const fields = fieldsOf(bytes);
    const name = fields.find((field) => field.number === 1)?.bytes?.toString('utf8') ?? '';
    return [{ name, value: fields.find((field) => field.number === 2)?.value ?? 0 }];
  });
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Buffer | undefined;
}

/** Varints and length-delimited fields: there are no others in these messages. */
function fieldsOf(message: Buffer): readonly Field[] {
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
