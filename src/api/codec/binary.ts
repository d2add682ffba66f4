/**
 * Protobuf's binary form, compiled from the descriptor of a message. It takes what a service answers (fields.ts), and writes it behind the head of its
 * frame in one pass: no message is made, and no bytes are copied from one buffer into another on the way. The contract suite holds it to the library's
 * own writer, which takes what is rare (`Any`, masks, wrappers, keys that are no texts).
 */
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromBinary,
  isMessage,
  type MessageShape,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { lengthDelimited, out, tagOf } from './bytes.ts';
import { type Named, readerOf } from './fields.ts';
import { writeJson, writeStruct } from './struct.ts';

/** Writes one value, without its tag. */
type Write = (value: unknown) => void;

const writers = new WeakMap<DescMessage, Write>();

/** The bytes of a message, with `head` bytes before them for whoever frames it. */
export function encodeMessage(desc: DescMessage, message: object, head = 0): Buffer {
  const write = writers.get(desc) ?? compile(desc);
  out.begin(head);
  write(message);
  return out.end();
}

/** The message that a service answered in fields: for Connect's handlers, which write messages alone. */
export function toMessage<D extends DescMessage>(desc: D, answer: object): MessageShape<D> {
  return isMessage(answer, desc) ? answer : fromBinary(desc, encodeMessage(desc, answer));
}

function compile(desc: DescMessage): Write {
  const known = writers.get(desc);
  if (known !== undefined) return known;
  if (isRare(desc)) {
    const byLibrary: Write = (message) => out.raw(toBinary(desc, create(desc, message as never)));
    writers.set(desc, byLibrary);
    return byLibrary;
  }
  let fields: readonly Write[] = [];
  const write: Write = (message) => {
    for (let at = 0; at < fields.length; at += 1) fields[at]?.(message);
    const { $unknown: unknown } = message as {
      readonly $unknown?: readonly { readonly no: number; readonly wireType: number; readonly data: Uint8Array }[];
    };
    if (unknown === undefined) return;
    for (const { no, wireType, data } of unknown) {
      out.varint(tagOf(no, wireType));
      out.raw(data);
    }
  };
  // Known before its fields are: a message may hold itself.
  writers.set(desc, write);
  fields = desc.fields.toSorted((a, b) => a.number - b.number).map(fieldWriter);
  return write;
}

function isRare({ typeName, fields }: DescMessage): boolean {
  if (fields.some((field) => field.fieldKind === 'map' && field.mapKey !== ScalarType.STRING)) return true;
  return typeName.startsWith('google.protobuf.') && !/\.(Timestamp|Duration|Empty)$/.test(typeName);
}

/** Writes a field where it is set, tag and all. It is given the whole message. */
function fieldWriter(field: DescField): Write {
  const read = readerOf(field);
  const write = valueWriter(field);
  const tag = tagOf(field.number, wireTypeOf(field));
  if (field.fieldKind === 'list') return listWriter(field, write);
  if (field.fieldKind === 'map') return mapWriter(field, write);
  const always = field.fieldKind === 'message' || field.presence !== implicitPresence;
  const zeroName = field.enum?.values.find(({ number }) => number === 0)?.name;
  return (message) => {
    const value = read(message as Named);
    if (value === undefined || (!always && (isZero(value) || value === zeroName))) return;
    out.varint(tag);
    write(value);
  };
}

/** `FieldPresence.IMPLICIT`: the zero value is not written. */
const implicitPresence = 2;

function isZero(value: unknown): boolean {
  return value === '' || value === false || value === 0n || Object.is(value, 0) || (value instanceof Uint8Array && value.byteLength === 0);
}

function listWriter(field: DescField & { readonly fieldKind: 'list' }, write: Write): Write {
  const { localName } = field;
  const tag = tagOf(field.number, field.packed ? lengthDelimited : wireTypeOf(field));
  return (message) => {
    const items = (message as Named)[localName] as readonly unknown[] | undefined;
    if (items === undefined || items.length === 0) return;
    if (!field.packed) {
      for (const item of items) {
        out.varint(tag);
        write(item);
      }
      return;
    }
    out.varint(tag);
    const start = out.open();
    for (const item of items) write(item);
    out.close(start);
  };
}

function mapWriter(field: DescField & { readonly fieldKind: 'map' }, write: Write): Write {
  const { localName } = field;
  const tag = tagOf(field.number, lengthDelimited);
  const valueTag = tagOf(2, wireTypeOf(field));
  return (message) => {
    const map = (message as Named)[localName] as Named | undefined;
    for (const key in map) {
      out.varint(tag);
      const start = out.open();
      out.varint(tagOf(1, lengthDelimited));
      out.text(key);
      out.varint(valueTag);
      write(map[key]);
      out.close(start);
    }
  };
}

function wireTypeOf(field: DescField): number {
  if (field.message !== undefined) return lengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return lengthDelimited;
    case ScalarType.DOUBLE:
      return 1;
    default:
      return 0;
  }
}

function valueWriter(field: DescField): Write {
  if (field.message !== undefined) return partWriter(field.message);
  if (field.enum !== undefined) return enumWriter(field.enum);
  switch (field.scalar) {
    case ScalarType.STRING:
      return (value) => out.text(value as string);
    case ScalarType.BYTES:
      return (value) => {
        out.varint((value as Uint8Array).byteLength);
        out.raw(value as Uint8Array);
      };
    case ScalarType.BOOL:
      return (value) => out.varint(value === true ? 1 : 0);
    case ScalarType.DOUBLE:
      return (value) => out.double(value as number);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return (value) =>
        Number.isSafeInteger(value) && (value as number) >= 0 ? out.varint(value as number) : out.varint64(BigInt(value as bigint));
    case ScalarType.UINT32:
    case ScalarType.INT32:
      return wholeNumber(field);
    default:
      throw new Error(`${field} has a type that no message of ours has`);
  }
}

function enumWriter(desc: DescEnum): Write {
  const numbers = new Map<unknown, number>(desc.values.map(({ name, number }) => [name, number]));
  const write = wholeNumber(desc);
  return (value) => write(numbers.get(value) ?? value);
}

function wholeNumber(field: DescField | DescEnum): Write {
  const isUnsigned = field.kind === 'field' && field.scalar === ScalarType.UINT32;
  const [least, most] = isUnsigned ? [0, 0xffff_ffff] : [-0x8000_0000, 0x7fff_ffff];
  return (value) => {
    const number = value as number;
    if (!Number.isInteger(number) || number < least || number > most) throw new Error(`${field} cannot be ${String(value)}`);
    if (number >= 0) out.varint(number);
    else out.varint64(BigInt(number));
  };
}

/** A message inside of another, its length before it. */
function partWriter(desc: DescMessage): Write {
  const write = special[desc.typeName] ?? ((message: unknown) => (writers.get(desc) ?? compile(desc))(message));
  return (message) => {
    const start = out.open();
    write(message);
    out.close(start);
  };
}

const special: Readonly<Record<string, Write>> = { 'google.protobuf.Struct': writeStruct, 'google.protobuf.Value': writeJson };
