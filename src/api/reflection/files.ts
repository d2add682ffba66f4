/** The descriptors of what is served, found by file, by symbol and by extension. */
import { type DescExtension, type DescFile, type DescMessage, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

export interface Descriptors {
  readonly files: ReadonlyMap<string, DescFile>;
  /** File by full name of a message, field, enum, value, service, method or extension. */
  readonly symbols: ReadonlyMap<string, DescFile>;
  /** Extensions by the full name of what they extend. */
  readonly extensions: ReadonlyMap<string, readonly DescExtension[]>;
}

/** Serialized FileDescriptorProto. */
export function fileBytes(file: DescFile): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file.proto);
}

/** The file and all it needs, dependencies first. */
export function withDependencies(file: DescFile, seen: Set<DescFile> = new Set()): DescFile[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...file.dependencies.flatMap((dependency) => withDependencies(dependency, seen)), file];
}

function members(message: DescMessage): string[] {
  return [...message.fields, ...message.oneofs].map(({ name }) => `${message.typeName}.${name}`);
}

function names(file: DescFile): string[] {
  const found: string[] = [];
  for (const type of nestedTypes(file)) {
    found.push(type.typeName);
    if (type.kind === 'message') found.push(...members(type));
    if (type.kind === 'service') found.push(...type.methods.map(({ name }) => `${type.typeName}.${name}`));
    // Values of an enum live beside it, as in C++.
    if (type.kind === 'enum') found.push(...type.values.map(({ name }) => type.typeName.replace(/[^.]+$/, name)));
  }
  return found;
}

export function collectDescriptors(roots: readonly DescFile[]): Descriptors {
  const all = new Set(roots.flatMap((root) => withDependencies(root)));
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, DescExtension[]>();
  for (const file of all) {
    files.set(file.proto.name, file);
    for (const name of names(file)) symbols.set(name, file);
    for (const type of nestedTypes(file)) {
      if (type.kind === 'extension') extensions.set(type.extendee.typeName, [...(extensions.get(type.extendee.typeName) ?? []), type]);
    }
  }
  return { files, symbols, extensions };
}
