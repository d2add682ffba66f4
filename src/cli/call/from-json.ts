/** Proto JSON into what proto-loader encodes. It takes nearly anything in silence, so each value is judged here first. */
import { isObject } from '../../kernel/is-object.ts';
import { usage } from '../failure.ts';
import type { Field, MessageType, Schema } from './schema.ts';
import { parseDurationJson, parseTimestamp } from './well-known.ts';

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

function wrong(path: string, wanted: string): Error {
  return usage(`the request: ${path === '' ? 'it' : path} must be ${wanted}`);
}

/** A request of that type. Throws a usage Failure that names the field. */
export function fromJson(schema: Schema, typeName: string, value: Json, path = ''): object {
  const special = wellKnown(schema, typeName, value, path);
  if (special !== undefined) return special;
  const type = schema.messages.get(typeName);
  if (type === undefined) throw new TypeError(`unknown message ${typeName}`);
  if (!isObject(value)) throw wrong(path, 'an object');
  const entries = Object.entries(value).map(([name, content]) => {
    const field = type.fields.find((f) => f.name === name || f.jsonName === name);
    if (field === undefined) throw unknownField(type, name, path);
    return [field, content] as const;
  });
  const set = entries.filter(([field, content]) => content !== null || field.typeName === 'google.protobuf.Value');
  return Object.fromEntries(set.map(([field, content]) => [field.name, fieldFromJson(schema, field, content, join(path, field.name))]));
}

function unknownField({ name, fields }: MessageType, unknown: string, path: string): Error {
  const known = fields.map((f) => f.name).join(', ') || 'none';
  return usage(`the request: there is no field ${JSON.stringify(join(path, unknown))}`, `${name} has: ${known}.`);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function fieldFromJson(schema: Schema, field: Field, value: Json, path: string): unknown {
  const entry = field.repeated ? schema.messages.get(field.typeName) : undefined;
  if (entry?.mapEntry === true) return mapFromJson(schema, entry, value, path);
  if (!field.repeated) return single(schema, field, value, path);
  if (!Array.isArray(value)) throw wrong(path, 'a list');
  return value.map((item: Json, i) => single(schema, field, item, `${path}[${i}]`));
}

/** proto-loader knows maps as lists of their entries. */
function mapFromJson(schema: Schema, entry: MessageType, value: Json, path: string): unknown {
  if (!isObject(value)) throw wrong(path, 'an object');
  const [key, content] = [entry.fields.find((f) => f.name === 'key'), entry.fields.find((f) => f.name === 'value')];
  if (key === undefined || content === undefined) throw new TypeError(`${entry.name} is no map entry`);
  return Object.entries(value).map(([name, item]) => ({
    key: key.type === 'TYPE_STRING' ? name : single(schema, key, key.type === 'TYPE_BOOL' ? name === 'true' : name, path),
    value: single(schema, content, item, `${path}[${JSON.stringify(name)}]`),
  }));
}

function single(schema: Schema, field: Field, value: Json, path: string): unknown {
  switch (field.type) {
    case 'TYPE_MESSAGE':
      return fromJson(schema, field.typeName, value, path);
    case 'TYPE_ENUM':
      return enumFromJson(schema, field.typeName, value, path);
    case 'TYPE_STRING':
      if (typeof value !== 'string') throw wrong(path, 'text');
      return value;
    case 'TYPE_BOOL':
      if (typeof value !== 'boolean') throw wrong(path, 'true or false');
      return value;
    case 'TYPE_BYTES':
      if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw wrong(path, 'bytes in base64');
      return Buffer.from(value, 'base64');
    case 'TYPE_DOUBLE':
    case 'TYPE_FLOAT':
      return doubleFromJson(value, path);
    default:
      return integerFromJson(field.type, value, path);
  }
}

function enumFromJson(schema: Schema, typeName: string, value: Json, path: string): unknown {
  const names = schema.enums.get(typeName) ?? new Map<number, string>();
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'string' && [...names.values()].includes(value)) return value;
  throw wrong(path, `one of ${[...names.values()].join(', ')}`);
}

function doubleFromJson(value: Json, path: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || (Number.isNaN(number) && value !== 'NaN')) throw wrong(path, 'a number');
  return number;
}

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  32: [-(2n ** 31n), 2n ** 31n - 1n],
  U32: [0n, 2n ** 32n - 1n],
  64: [-(2n ** 63n), 2n ** 63n - 1n],
  U64: [0n, 2n ** 64n - 1n],
};

function integerFromJson(type: string, value: Json, path: string): number | string {
  const unsigned = type.startsWith('TYPE_U') || type.startsWith('TYPE_FIXED') ? 'U' : '';
  const bits = type.endsWith('64') ? '64' : '32';
  const [least, most] = ranges[`${unsigned}${bits}`] ?? [0n, 0n];
  const plain = typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && /^-?\d{1,20}$/.test(value);
  const number = plain ? BigInt(value as number | string) : undefined;
  if (number === undefined || number < least || number > most) throw wrong(path, `a whole number from ${least} to ${most}`);
  return bits === '64' ? number.toString() : Number(number);
}

/** Types that proto JSON writes in their own way. */
function wellKnown(schema: Schema, typeName: string, value: Json, path: string): object | undefined {
  switch (typeName) {
    case 'google.protobuf.Timestamp':
      return (typeof value === 'string' ? parseTimestamp(value) : undefined) ?? fail(wrong(path, 'a time such as 2026-01-31T12:00:00Z'));
    case 'google.protobuf.Duration':
      return (
        (typeof value === 'string' ? parseDurationJson(value) : undefined) ?? fail(wrong(path, 'a duration in seconds such as "1.5s"'))
      );
    case 'google.protobuf.Struct':
      return isObject(value) ? structFromJson(value, path) : fail(wrong(path, 'an object'));
    case 'google.protobuf.ListValue':
      return Array.isArray(value) ? { values: value.map((item: Json) => valueFromJson(item, path)) } : fail(wrong(path, 'a list'));
    case 'google.protobuf.Value':
      return valueFromJson(value, path);
    case 'google.protobuf.FieldMask':
      return typeof value === 'string'
        ? { paths: value === '' ? [] : value.split(',').map(snake) }
        : fail(wrong(path, 'field names separated by commas'));
    default:
      return /^google\.protobuf\.\w+Value$/.test(typeName) ? wrapped(schema, typeName, value, path) : undefined;
  }
}

function fail(error: Error): never {
  throw error;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** StringValue, Int64Value, …: the value itself. */
function wrapped(schema: Schema, typeName: string, value: Json, path: string): object | undefined {
  const field = schema.messages.get(typeName)?.fields.find((f) => f.name === 'value');
  return field === undefined ? undefined : { value: single(schema, field, value, path) };
}

function structFromJson(value: JsonObject, path: string): object {
  return { fields: Object.entries(value).map(([key, item]) => ({ key, value: valueFromJson(item, join(path, key)) })) };
}

function valueFromJson(value: Json, path: string): object {
  if (value === null) return { null_value: 'NULL_VALUE' };
  if (Array.isArray(value)) return { list_value: { values: value.map((item: Json) => valueFromJson(item, path)) } };
  switch (typeof value) {
    case 'number':
      return { number_value: value };
    case 'string':
      return { string_value: value };
    case 'boolean':
      return { bool_value: value };
    default:
      return isObject(value) ? { struct_value: structFromJson(value, path) } : fail(wrong(path, 'a JSON value'));
  }
}
