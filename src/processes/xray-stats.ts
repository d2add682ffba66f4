import { fieldsOf } from './protobuf-fields.ts';

export interface Stat {
  readonly name: string;
  readonly value: number;
}

/** xray's `QueryStatsResponse { repeated Stat stat = 1 }`, `Stat { string name = 1; int64 value = 2 }`. Throws where the bytes are none. */
export function readStats(message: Buffer): readonly Stat[] {
  return fieldsOf(message).flatMap(({ number, bytes }) => {
    if (number !== 1 || bytes === undefined) return [];
    const fields = fieldsOf(bytes);
    const name = fields.find((field) => field.number === 1)?.bytes?.toString('utf8') ?? '';
    return [{ name, value: fields.find((field) => field.number === 2)?.value ?? 0 }];
  });
}
