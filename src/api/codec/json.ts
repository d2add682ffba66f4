/**
 * Proto JSON as REST speaks it, compiled from the descriptor of a message: the proto's own field names, scalars always present. It takes what a service
 * answers, a message or the fields of one, and makes the text in one pass: no message and no tree of JSON values is made in between. What is rare (`Any`,
 * masks, wrappers, a `Value`) is left to the library.
 */
import { create, type DescEnum, type DescField, type DescMessage, ScalarType, toJson } from '@bufbuild/protobuf';

/** The text of one value. */
type Write = (value: unknown) => string;
type Fields = Readonly<Record<string, unknown>>;

const written = new WeakMap<DescMessage, Write>();

/** The writer of a message, compiled when it is first asked for. */
export function jsonWriter(desc: DescMessage): Write {
  return written.get(desc) ?? compile(desc);
}

function compile(desc: DescMessage): Write {
  const special = specialWriter(desc);
  if (special !== undefined) {
    written.set(desc, special);
    return special;
  }
  let fields: readonly Write[] = [];
  const write: Write = (message) => {
    let text = '';
    for (let at = 0; at < fields.length; at += 1) {
      const field = fields[at]?.(message) ?? '';
      if (field !== '') text += text === '' ? field : `,${field}`;
    }
    return `{${text}}`;
  };
  // Known before its fields are: a message may hold itself.
  written.set(desc, write);
  fields = desc.fields.toSorted((a, b) => a.number - b.number).map(fieldWriter);
  return write;
}

/** Writes `"name":value`, or nothing for a field that is not set. It is given the whole message. */
function fieldWriter(field: DescField): Write {
  const key = `${JSON.stringify(field.name)}:`;
  const { localName } = field;
  if (field.fieldKind === 'list') {
    const write = valueWriter(field);
    return (message) => key + listText((message as Fields)[localName], write);
  }
  if (field.fieldKind === 'map') {
    const write = valueWriter(field);
    return (message) => key + mapText((message as Fields)[localName], write);
  }
  const write = valueWriter(field);
  if (field.oneof !== undefined) {
    const group = field.oneof.localName;
    return (message) => {
      const chosen = (message as Fields)[group] as { readonly case?: string; readonly value?: unknown } | undefined;
      return chosen?.case === localName ? key + write(chosen.value) : '';
    };
  }
  const implicit = field.fieldKind !== 'message' && field.presence === implicitPresence;
  const zero = implicit
    ? key + write(field.fieldKind === 'enum' ? (field.enum.values[0]?.number ?? 0) : zeros[field.scalar ?? ScalarType.STRING])
    : '';
  return (message) => {
    const value = (message as Fields)[localName];
    return value === undefined || value === null ? zero : key + write(value);
  };
}

const implicitPresence = 2;
const zeros: Readonly<Partial<Record<ScalarType, unknown>>> = {
  [ScalarType.STRING]: '',
  [ScalarType.BYTES]: new Uint8Array(),
  [ScalarType.BOOL]: false,
};

function listText(items: unknown, write: Write): string {
  if (!Array.isArray(items) || items.length === 0) return '[]';
  let text = `[${write(items[0])}`;
  for (let at = 1; at < items.length; at += 1) text += `,${write(items[at])}`;
  return `${text}]`;
}

function mapText(map: unknown, write: Write): string {
  let text = '';
  for (const key in map as Fields) text += `${text === '' ? '' : ','}${stringText(key)}:${write((map as Fields)[key])}`;
  return `{${text}}`;
}

function valueWriter(field: DescField): Write {
  if (field.message !== undefined) return jsonWriter(field.message);
  if (field.enum !== undefined) return enumWriter(field.enum);
  return scalarWriter(field.scalar ?? ScalarType.STRING);
}

function enumWriter(desc: DescEnum): Write {
  const names = new Map(desc.values.map(({ number, name }) => [number, `"${name}"`]));
  return (value) => names.get(value as number) ?? String(value);
}

function scalarWriter(type: ScalarType): Write {
  switch (type) {
    case ScalarType.STRING:
      return stringText as Write;
    case ScalarType.BOOL:
      return (value) => (value === true ? 'true' : 'false');
    case ScalarType.BYTES:
      return (value) => `"${Buffer.from(value as Uint8Array).toString('base64')}"`;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => (Number.isFinite(value) ? String(value === 0 ? 0 : value) : `"${value}"`);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return (value) => `"${value ?? 0}"`;
    default:
      return (value) => String(value ?? 0);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON escapes.
const escaped = /[\u0000-\u001f"\\\ud800-\udfff]/;

function stringText(text: string): string {
  return escaped.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function specialWriter(desc: DescMessage): Write | undefined {
  switch (desc.typeName) {
    case 'google.protobuf.Struct':
      return (value) => JSON.stringify(value);
    case 'google.protobuf.Timestamp':
      return timestampText;
    case 'google.protobuf.Duration':
      return durationText;
    default:
      return desc.typeName.startsWith('google.protobuf.') && desc.fields.length > 0
        ? (value) => JSON.stringify(toJson(desc, create(desc, value as never)))
        : undefined;
  }
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

interface Moment {
  readonly seconds?: bigint;
  readonly nanos?: number;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/** 0001-01-01 and 9999-12-31, in days since 1970. */
const firstDay = -719_162;
const endDay = 2_932_896;

/** The day of the newest moment, in days since 1970, and its text: most moments of an answer are of one day. */
let lastDay = Number.NaN;
let lastDayText = '';

function dayText(day: number): string {
  if (day !== lastDay) {
    if (day < firstDay || day > endDay) throw new Error('a moment outside of the years 1 to 9999 has no text');
    lastDayText = new Date(day * 86_400_000).toISOString().slice(0, -14);
    lastDay = day;
  }
  return lastDayText;
}

function timestampText(value: unknown): string {
  const { seconds = 0n, nanos = 0 } = value as Moment;
  const all = Number(seconds);
  const day = Math.floor(all / 86_400);
  const rest = all - day * 86_400;
  const minutes = Math.trunc(rest / 60);
  return `"${dayText(day)}T${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}:${two(rest % 60)}${fraction(nanos)}Z"`;
}

function durationText(value: unknown): string {
  const { seconds = 0n, nanos = 0 } = value as Moment;
  return `"${nanos < 0 && seconds === 0n ? '-' : ''}${seconds}${fraction(Math.abs(nanos))}s"`;
}
