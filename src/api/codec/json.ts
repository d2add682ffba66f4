/**
 * Proto JSON as REST speaks it, compiled from the descriptor of a message: the proto's own field names, scalars always present. It takes what a service
 * answers (fields.ts), and makes the text in one pass: no message and no tree of JSON values is made in between. What is rare (`Any`, masks, wrappers) is
 * left to the library.
 */
import { create, type DescEnum, type DescField, type DescMessage, ScalarType, toJson } from '@bufbuild/protobuf';
import { type Named, readerOf } from './fields.ts';

/** The text of one value. */
type Write = (value: unknown) => string;
/** `"name":value` of a message, behind a comma unless it is the first; nothing for a field that is not set. */
type WriteField = (message: Named, first: boolean) => string;

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
  let fields: readonly WriteField[] = [];
  const write: Write = (message) => {
    let text = '{';
    for (let at = 0; at < fields.length; at += 1) text += fields[at]?.(message as Named, text === '{') ?? '';
    return `${text}}`;
  };
  // Known before its fields are: a message may hold itself.
  written.set(desc, write);
  fields = desc.fields.toSorted((a, b) => a.number - b.number).map(fieldWriter);
  return write;
}

function fieldWriter(field: DescField): WriteField {
  const key = `${JSON.stringify(field.name)}:`;
  const next = `,${key}`;
  const read = readerOf(field);
  const write = valueWriter(field);
  if (field.fieldKind === 'list') return (message, first) => (first ? key : next) + listText(read(message), write);
  if (field.fieldKind === 'map') return (message, first) => (first ? key : next) + mapText(read(message), write);
  const implicit = field.fieldKind !== 'message' && field.presence === implicitPresence;
  const zero = implicit
    ? write(field.fieldKind === 'enum' ? (field.enum.values[0]?.number ?? 0) : zeros[field.scalar ?? ScalarType.STRING])
    : undefined;
  return (message, first) => {
    const value = read(message);
    const text = value === undefined ? zero : write(value);
    return text === undefined ? '' : (first ? key : next) + text;
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
  for (const key in map as Named) text += `${text === '' ? '' : ','}${stringText(key)}:${write((map as Named)[key])}`;
  return `{${text}}`;
}

function valueWriter(field: DescField): Write {
  if (field.message !== undefined) return jsonWriter(field.message);
  if (field.enum !== undefined) return enumWriter(field.enum);
  return scalarWriter(field.scalar ?? ScalarType.STRING);
}

function enumWriter(desc: DescEnum): Write {
  const names = new Map<unknown, string>(desc.values.flatMap(({ number, name }) => [number, name].map((known) => [known, `"${name}"`])));
  return (value) => names.get(value) ?? String(value);
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
    case 'google.protobuf.Value':
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
  readonly seconds?: bigint | number;
  readonly nanos?: number;
}

/** From the beginning of the year 1 to the end of 9999, in seconds since 1970. */
const firstSecond = -62_135_596_800;
const endSecond = 253_402_300_800;

/** The second of the newest moment, and its text: most moments of an answer are of one second, or of the one of the last answer. */
let lastSecond = Number.NaN;
let lastSecondText = '';

function secondText(second: number): string {
  if (second !== lastSecond) {
    if (second < firstSecond || second >= endSecond) throw new Error('a moment outside of the years 1 to 9999 has no text');
    lastSecondText = new Date(second * 1000).toISOString().slice(0, -5);
    lastSecond = second;
  }
  return lastSecondText;
}

function timestampText(value: unknown): string {
  const { seconds = 0n, nanos = 0 } = value as Moment;
  return `"${secondText(Number(seconds))}${fraction(nanos)}Z"`;
}

function durationText(value: unknown): string {
  const { seconds = 0n, nanos = 0 } = value as Moment;
  return `"${nanos < 0 && Number(seconds) === 0 ? '-' : ''}${seconds}${fraction(Math.abs(nanos))}s"`;
}
