/** What a form asks for, out of a JSON Schema. Pure; what it does not understand is edited as JSON. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export interface FieldBase {
  readonly title: string;
  readonly description: string;
}

export type Field = FieldBase &
  (
    | { readonly kind: 'object'; readonly fields: readonly Member[] }
    | { readonly kind: 'text'; readonly pattern: string | undefined; readonly maxLength: number | undefined }
    | { readonly kind: 'number'; readonly whole: boolean; readonly min: number | undefined; readonly max: number | undefined }
    | { readonly kind: 'boolean' }
    | { readonly kind: 'choice'; readonly values: readonly JsonValue[] }
    | { readonly kind: 'lines' }
    | { readonly kind: 'json' }
  );

export interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly field: Field;
}

const deepest = 6;

export function fieldOf(schema: JsonValue | undefined, name = '', root: JsonValue | undefined = schema, depth = 0): Field {
  const resolved = resolve(schema, root);
  const base = { title: textOf(resolved['title']) ?? name, description: textOf(resolved['description']) ?? '' };
  const values = resolved['enum'];
  if (Array.isArray(values)) return { ...base, kind: 'choice', values };
  switch (typeOf(resolved)) {
    case 'object':
      return isObject(resolved['properties']) && depth < deepest
        ? { ...base, kind: 'object', fields: membersOf(resolved, root, depth) }
        : { ...base, kind: 'json' };
    case 'string':
      return { ...base, kind: 'text', pattern: textOf(resolved['pattern']), maxLength: numberOf(resolved['maxLength']) };
    case 'integer':
    case 'number':
      return {
        ...base,
        ...{ kind: 'number', whole: resolved['type'] === 'integer' },
        ...{ min: numberOf(resolved['minimum']), max: numberOf(resolved['maximum']) },
      };
    case 'boolean':
      return { ...base, kind: 'boolean' };
    case 'array':
      return { ...base, kind: typeOf(resolve(resolved['items'], root)) === 'string' ? 'lines' : 'json' };
    default:
      return { ...base, kind: 'json' };
  }
}

function membersOf(schema: JsonObject, root: JsonValue | undefined, depth: number): readonly Member[] {
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(isObject(schema['properties']) ? schema['properties'] : {}).map(([name, one]) => ({
    name,
    required: required.includes(name),
    field: fieldOf(one, name, root, depth + 1),
  }));
}

/** A reference within the document, once: what it refers to may not refer on. */
function resolve(schema: JsonValue | undefined, root: JsonValue | undefined): JsonObject {
  if (!isObject(schema)) return {};
  const ref = schema['$ref'];
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return schema;
  let at: JsonValue | undefined = root;
  for (const part of ref.slice(2).split('/')) at = isObject(at) ? at[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  return isObject(at) ? { ...at, ...schema } : {};
}

function typeOf({ type, properties }: JsonObject): JsonValue | undefined {
  return type ?? (isObject(properties) ? 'object' : undefined);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** The object with one member changed; undefined takes it away. */
export function withMember(object: JsonValue | undefined, name: string, value: JsonValue | undefined): JsonObject {
  const { [name]: _, ...others } = isObject(object) ? object : {};
  return value === undefined ? others : { ...(isObject(object) ? object : {}), [name]: value };
}
