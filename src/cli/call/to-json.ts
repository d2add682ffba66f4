/** What proto-loader decodes as proto JSON with proto field names; fields without presence are always printed, as REST does. */
import type { Field, MessageType, Schema } from './schema.ts';
import { formatDurationJson, formatTimestamp, type SecondsNanos } from './well-known.ts';

type Decoded = Readonly<Record<string, unknown>>;

function decoded(value: unknown): Decoded {
  return typeof value === 'object' && value !== null ? (value as Decoded) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function toJson(schema: Schema, typeName: string, message: unknown): unknown {
  const value = decoded(message);
  switch (typeName) {
    case 'google.protobuf.Timestamp':
      return formatTimestamp(value as Partial<SecondsNanos>);
    case 'google.protobuf.Duration':
      return formatDurationJson(value as Partial<SecondsNanos>);
    case 'google.protobuf.Struct':
      return structToJson(value);
    case 'google.protobuf.Value':
      return valueToJson(value);
    case 'google.protobuf.ListValue':
      return listOf(value['values']).map((item) => valueToJson(decoded(item)));
    case 'google.protobuf.Any':
      return anyToJson(schema, value);
    case 'google.protobuf.FieldMask':
      return listOf(value['paths']).join(',');
    default:
      return messageToJson(schema, typeName, value);
  }
}

function messageToJson(schema: Schema, typeName: string, value: Decoded): unknown {
  const type = schema.messages.get(typeName);
  if (type === undefined) throw new TypeError(`unknown message ${typeName}`);
  const [only] = type.fields;
  if (/^google\.protobuf\.\w+Value$/.test(typeName) && only !== undefined) return scalarToJson(schema, only, value[only.name]);
  const shown = type.fields.filter((field) => field.repeated || !field.presence || (value[field.name] ?? undefined) !== undefined);
  return Object.fromEntries(shown.map((field) => [field.name, fieldToJson(schema, field, value[field.name])]));
}

function fieldToJson(schema: Schema, field: Field, value: unknown): unknown {
  if (!field.repeated) return singleToJson(schema, field, value);
  const entry = schema.messages.get(field.typeName);
  return entry?.mapEntry === true ? mapToJson(schema, entry, value) : listOf(value).map((item) => singleToJson(schema, field, item));
}

function mapToJson(schema: Schema, { fields }: MessageType, value: unknown): unknown {
  const content = fields.find(({ name }) => name === 'value');
  const entries = listOf(value).map(decoded);
  return Object.fromEntries(
    entries.map((entry) => [String(entry['key'] ?? ''), content === undefined ? null : singleToJson(schema, content, entry['value'])]),
  );
}

function singleToJson(schema: Schema, field: Field, value: unknown): unknown {
  return field.type === 'TYPE_MESSAGE' ? toJson(schema, field.typeName, value) : scalarToJson(schema, field, value);
}

function scalarToJson(schema: Schema, { type, typeName }: Field, value: unknown): unknown {
  switch (type) {
    case 'TYPE_ENUM':
      return value ?? schema.enums.get(typeName)?.get(0) ?? 0;
    case 'TYPE_STRING':
      return value ?? '';
    case 'TYPE_BOOL':
      return value ?? false;
    case 'TYPE_BYTES':
      return Buffer.isBuffer(value) ? value.toString('base64') : '';
    case 'TYPE_DOUBLE':
    case 'TYPE_FLOAT':
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value ?? 0);
    default:
      return type.endsWith('64') ? String(value ?? '0') : (value ?? 0);
  }
}

function structToJson(value: Decoded): unknown {
  const entries = listOf(value['fields']).map(decoded);
  return Object.fromEntries(entries.map((entry) => [String(entry['key'] ?? ''), valueToJson(decoded(entry['value']))]));
}

function valueToJson(value: Decoded): unknown {
  if ('struct_value' in value) return structToJson(decoded(value['struct_value']));
  if ('list_value' in value) return listOf(decoded(value['list_value'])['values']).map((item) => valueToJson(decoded(item)));
  return value['string_value'] ?? value['number_value'] ?? value['bool_value'] ?? null;
}

function anyToJson(schema: Schema, value: Decoded): unknown {
  const url = String(value['type_url'] ?? '');
  const bytes = value['value'];
  const encoded = Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const content = schema.messages.has(name) ? schema.decode(name, encoded) : undefined;
  if (content === undefined) return { '@type': url, value: encoded.toString('base64') };
  const json = toJson(schema, name, content);
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? { '@type': url, ...json } : { '@type': url, value: json };
}
