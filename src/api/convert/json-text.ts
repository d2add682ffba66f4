/**
 * Proto JSON as text, compiled from the descriptor of a message. It says to the letter what the library's tree of values, turned into
 * text, says; the tree is what it saves. What the protocol writes in forms of its own (google.protobuf.*) stays with the library.
 */
import { type DescEnum, type DescField, type DescMessage, type JsonValue, type Message, ScalarType, toJson } from '@bufbuild/protobuf';

export const restJson = { useProtoFieldName: true, alwaysEmitImplicit: true } as const;

/** Text of one value. */
type Write = (value: unknown) => string;
/** Text of a field with its name, or nothing where it is absent. */
type WriteField = (message: Readonly<Record<string, unknown>>) => string;

const compiled = new WeakMap<DescMessage, Write>();

const quoted: Write = (value) => JSON.stringify(value);

function double(value: unknown): string {
  return Number.isFinite(value) ? JSON.stringify(value) : `"${String(value)}"`;
}

function scalar(type: ScalarType): Write | undefined {
  switch (type) {
    case ScalarType.STRING:
      return quoted;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return String;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return double;
    case ScalarType.BYTES:
      return undefined;
    default:
      return (value) => `"${String(value)}"`;
  }
}

function enumeration(desc: DescEnum): Write {
  const names = new Map(desc.values.map(({ name, number }) => [number, `"${name}"`]));
  return (value) => names.get(value as number) ?? String(value);
}

function ofMessage(desc: DescMessage): Write | undefined {
  const { typeName } = desc;
  if (!typeName.startsWith('google.protobuf.')) return (value) => textOf(desc, value as Message);
  // Free-form data is JSON already.
  if (typeName === 'google.protobuf.Struct') return quoted;
  if (!/\.(Timestamp|Duration)$/.test(typeName)) return undefined;
  return (value) => JSON.stringify(toJson(desc, value as Message, restJson));
}

/** How a single value of a field is written; undefined where only the library knows. */
function single(field: DescField): Write | undefined {
  if (field.message !== undefined) return ofMessage(field.message);
  if (field.enum !== undefined) return field.enum.typeName === 'google.protobuf.NullValue' ? undefined : enumeration(field.enum);
  return field.scalar === undefined ? undefined : scalar(field.scalar);
}

function many(field: DescField, write: Write): Write {
  if (field.fieldKind === 'list') return (value) => `[${(value as unknown[]).map(write).join(',')}]`;
  return (value) => {
    const entries = Object.entries(value as Record<string, unknown>).map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`);
    return `{${entries.join(',')}}`;
  };
}

/** Presence codes of descriptors: a field that is always written has none of its own. */
const implicit = 2;

function writer(field: DescField): WriteField | undefined {
  const { localName, oneof } = field;
  const write = single(field);
  if (write === undefined) return undefined;
  const name = `${JSON.stringify(field.name)}:`;
  if (field.fieldKind === 'list' || field.fieldKind === 'map') {
    const all = many(field, write);
    return (message) => name + all(message[localName]);
  }
  if (oneof !== undefined) {
    return (message) => {
      const chosen = message[oneof.localName] as { readonly case?: string; readonly value?: unknown };
      return chosen.case === localName ? name + write(chosen.value) : '';
    };
  }
  if (field.presence === implicit) return (message) => name + write(message[localName]);
  return (message) => (message[localName] === undefined ? '' : name + write(message[localName]));
}

function compile(desc: DescMessage): Write {
  const byTheLibrary: Write = (message) => JSON.stringify(toJson(desc, message as Message, restJson) satisfies JsonValue);
  if (desc.typeName.startsWith('google.protobuf.')) return byTheLibrary;
  const fields = [...desc.fields].sort((a, b) => a.number - b.number).map(writer);
  const known = fields.filter((field) => field !== undefined);
  if (known.length < fields.length) return byTheLibrary;
  return (message) => {
    let text = '';
    for (let at = 0; at < known.length; at += 1) {
      const part = known[at]?.(message as Readonly<Record<string, unknown>>) ?? '';
      if (part !== '') text = text === '' ? part : `${text},${part}`;
    }
    return `{${text}}`;
  };
}

/** One line. Throws for values that JSON cannot carry. */
export function textOf(desc: DescMessage, message: Message): string {
  let write = compiled.get(desc);
  if (write === undefined) {
    write = compile(desc);
    compiled.set(desc, write);
  }
  return write(message);
}
