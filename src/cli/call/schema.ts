/**
 * What the descriptors say of messages, as the converters need it. proto-loader's own picture of a type leaves out which fields are
 * optional and which belong to a oneof; but the image carries descriptor.proto itself, so it can be read by its own means.
 */
import { readFileSync } from 'node:fs';
import {
  loadFileDescriptorSetFromBuffer,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';

export interface Field {
  readonly name: string;
  /** lowerCamelCase, which proto JSON takes too. */
  readonly jsonName: string;
  /** `TYPE_STRING` … as in descriptor.proto. */
  readonly type: string;
  /** Full name of the message or enum; empty for scalars. */
  readonly typeName: string;
  readonly repeated: boolean;
  /** Whether absence means something: then a default is not printed. */
  readonly presence: boolean;
}

export interface MessageType {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly mapEntry: boolean;
}

export interface Schema {
  readonly messages: ReadonlyMap<string, MessageType>;
  /** Value names by number. */
  readonly enums: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Services by full name, in the order of the files. */
  readonly services: ReadonlyMap<string, ServiceDefinition>;
  /** Reads the bytes of a message by its full name, for google.protobuf.Any; undefined where it is not known. */
  decode(name: string, bytes: Uint8Array): unknown;
}

interface FieldProto {
  readonly name: string;
  readonly json_name?: string;
  readonly type: string;
  readonly type_name?: string;
  readonly label: string;
  readonly proto3_optional?: boolean;
  readonly oneof_index?: number;
}
interface EnumProto {
  readonly name: string;
  readonly value?: readonly { readonly name: string; readonly number?: number }[];
}
interface MessageProto {
  readonly name: string;
  readonly field?: readonly FieldProto[];
  readonly nested_type?: readonly MessageProto[];
  readonly enum_type?: readonly EnumProto[];
  readonly options?: { readonly map_entry?: boolean };
}
interface FileProto {
  readonly package?: string;
  readonly message_type?: readonly MessageProto[];
  readonly enum_type?: readonly EnumProto[];
}

/** Where `buf build` leaves the image. */
const image = new URL('../../../gen/descriptor/sboxagent.binpb', import.meta.url);

/** Nothing is filled in by proto-loader: the converters know better what is absent. */
const loading = { keepCase: true, longs: String, enums: String, bytes: Buffer, defaults: false } as const;

function fieldOf(proto: FieldProto): Field {
  return {
    name: proto.name,
    jsonName: proto.json_name ?? proto.name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase()),
    type: proto.type,
    typeName: (proto.type_name ?? '').replace(/^\./, ''),
    repeated: proto.label === 'LABEL_REPEATED',
    presence: proto.type === 'TYPE_MESSAGE' || proto.oneof_index !== undefined,
  };
}

interface Index {
  readonly messages: Map<string, MessageType>;
  readonly enums: Map<string, ReadonlyMap<number, string>>;
}

function addEnums(index: Index, scope: string, protos: readonly EnumProto[] = []): void {
  for (const { name, value = [] } of protos) {
    index.enums.set(`${scope}${name}`, new Map(value.map((entry) => [entry.number ?? 0, entry.name])));
  }
}

function addMessages(index: Index, scope: string, protos: readonly MessageProto[] = []): void {
  for (const proto of protos) {
    const name = `${scope}${proto.name}`;
    index.messages.set(name, { name, fields: (proto.field ?? []).map(fieldOf), mapEntry: proto.options?.map_entry === true });
    addEnums(index, `${name}.`, proto.enum_type);
    addMessages(index, `${name}.`, proto.nested_type);
  }
}

function isMessage(entry: PackageDefinition[string] | undefined): entry is MessageTypeDefinition<object, object> {
  return entry !== undefined && 'deserialize' in entry;
}

function isService(entry: PackageDefinition[string]): entry is ServiceDefinition {
  return !('format' in entry);
}

export function loadSchema(): Schema {
  const bytes = readFileSync(image);
  const loaded = loadFileDescriptorSetFromBuffer(bytes, loading);
  const decode = (name: string, encoded: Uint8Array): unknown => {
    const entry = loaded[name];
    return isMessage(entry) ? entry.deserialize(Buffer.from(encoded)) : undefined;
  };
  const set = decode('google.protobuf.FileDescriptorSet', bytes) as { readonly file?: readonly FileProto[] } | undefined;
  if (set?.file === undefined) throw new TypeError(`${image.pathname} does not carry descriptor.proto`);
  const index: Index = { messages: new Map(), enums: new Map() };
  for (const file of set.file) {
    const scope = file.package === undefined ? '' : `${file.package}.`;
    addEnums(index, scope, file.enum_type);
    addMessages(index, scope, file.message_type);
  }
  const services = Object.entries(loaded).flatMap(([name, entry]) => (isService(entry) ? [[name, entry] as const] : []));
  return { ...index, services: new Map(services), decode };
}
