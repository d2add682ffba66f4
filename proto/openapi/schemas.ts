/**
 * Messages as JSON Schema, in the form in which REST speaks them: the proto's own names, scalars always present in answers, moments and
 * durations as texts. A message that comes and goes has two schemas: what is sent may leave fields out and may not add any.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { commentOf } from './comments.ts';
import { fieldConstraint, type Json, messageNotes } from './constraints.ts';

/** Whether a message is sent by the client or by the agent. */
export type Way = 'request' | 'response';

export interface Schemas {
  /** A reference to the schema of a message, which is then among the components. */
  refer(desc: DescMessage, way: Way): Json;
  /** The schema of a request without the fields that stand elsewhere: in the path, or in a header. */
  body(desc: DescMessage, without: ReadonlySet<string>): Json;
  field(field: DescField, way: Way): Json;
  readonly components: Readonly<Record<string, Json>>;
}

export const durationPattern = '^-?[0-9]+(\\.[0-9]{1,9})?s$';

/** Messages that JSON writes in a form of their own. */
const wellKnown: Readonly<Record<string, Json>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: durationPattern },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': {},
  'google.protobuf.FieldMask': { type: 'string' },
  'google.protobuf.Empty': { type: 'object' },
};

const wholeNumber = '^-?[0-9]{1,19}$';
const bigNumber = { type: 'string', format: 'int64', pattern: wholeNumber };
const exactNumber = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

function scalar(type: ScalarType, way: Way): Json {
  switch (type) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.INT32:
      return { type: 'integer', format: 'int32', minimum: -2147483648, maximum: 2147483647 };
    case ScalarType.INT64:
      // JSON writes 64 bits as a text, which no reader rounds; a number that none rounds is taken too.
      return way === 'request' ? { ...exactNumber, type: ['string', 'integer'], format: 'int64', pattern: wholeNumber } : bigNumber;
    case ScalarType.DOUBLE:
      return { type: 'number', format: 'double' };
    default:
      throw new Error(`REST has no fields of the scalar ${ScalarType[type]} yet: say in proto/openapi/schemas.ts how JSON writes it`);
  }
}

function describe(schema: Json, parts: readonly string[]): Json {
  const description = parts.filter((part) => part !== '').join('\n\n');
  return description === '' ? schema : { ...schema, description };
}

function enumeration(desc: DescEnum): Json {
  const values = desc.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`);
  return describe({ type: 'string', enum: desc.values.map(({ name }) => name) }, [commentOf(desc), values.join('\n')]);
}

/** `sboxagent.v1.Process.Exit` is ProcessExit. */
function shortName({ typeName }: DescMessage | DescEnum): string {
  return typeName.replace(/^([a-z0-9_]+\.)*/, '').replaceAll('.', '');
}

/** What clients send of a message that is answered too is an Input. */
function componentName(desc: DescMessage, way: Way): string {
  const name = shortName(desc);
  return way === 'request' && !name.endsWith('Request') ? `${name}Input` : name;
}

/** Whether an answer always has the field. */
function alwaysThere(field: DescField): boolean {
  return field.fieldKind === 'list' || field.fieldKind === 'map' || field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

/** Values of an enum by their names, as JSON writes them. */
function namesOf(field: DescField, refused: { readonly enum: readonly number[] }): Json {
  return { enum: refused.enum.map((number) => field.enum?.value[number]?.name) };
}

function merge(base: unknown, more: unknown): Json {
  return { ...(base as Json), ...(more as Json) };
}

class Builder implements Schemas {
  readonly components: Record<string, Json> = {};
  readonly #owners = new Map<string, string>();

  refer(desc: DescMessage, way: Way): Json {
    const known = wellKnown[desc.typeName];
    return known ?? this.#component(componentName(desc, way), desc.typeName, () => this.#message(desc, way, new Set()));
  }

  body(desc: DescMessage, without: ReadonlySet<string>): Json {
    return without.size === 0 ? this.refer(desc, 'request') : this.#message(desc, 'request', without);
  }

  field(field: DescField, way: Way): Json {
    const base = this.#type(field, way);
    // Rules bind what is sent; what is answered was judged when it came, or is the agent's own.
    if (way === 'response') return describe(base, [commentOf(field)]);
    const constraint = fieldConstraint(field);
    const { items, additionalProperties, not: refused, ...rest } = constraint.schema;
    const schema = {
      ...base,
      ...rest,
      ...(items === undefined ? {} : { items: merge(base['items'], items) }),
      ...(additionalProperties === undefined ? {} : { additionalProperties: merge(base['additionalProperties'], additionalProperties) }),
      ...(refused === undefined ? {} : { not: namesOf(field, refused as { enum: number[] }) }),
    };
    return describe(schema, [commentOf(field), ...constraint.notes]);
  }

  #component(name: string, typeName: string, make: () => Json): Json {
    const owner = this.#owners.get(name);
    if (owner !== undefined && owner !== typeName) throw new Error(`${owner} and ${typeName} would both be ${name}`);
    if (owner === undefined) {
      this.#owners.set(name, typeName);
      this.components[name] = make();
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #message(desc: DescMessage, way: Way, without: ReadonlySet<string>): Json {
    const fields = desc.fields.filter(({ name }) => !without.has(name));
    const required = fields.filter((field) => (way === 'request' ? fieldConstraint(field).required : alwaysThere(field)));
    const schema = {
      type: 'object',
      ...(required.length > 0 ? { required: required.map(({ name }) => name) } : {}),
      properties: Object.fromEntries(fields.map((field) => [field.name, this.field(field, way)])),
      ...(way === 'request' ? { additionalProperties: false } : {}),
    };
    return describe(schema, [commentOf(desc), ...messageNotes(desc)]);
  }

  #type(field: DescField, way: Way): Json {
    if (field.fieldKind === 'list') return { type: 'array', items: this.#single(field, way) };
    if (field.fieldKind === 'map') return { type: 'object', additionalProperties: this.#single(field, way) };
    return this.#single(field, way);
  }

  #single(field: DescField, way: Way): Json {
    if (field.scalar !== undefined) return scalar(field.scalar, way);
    if (field.message !== undefined) return this.refer(field.message, way);
    return this.#component(shortName(field.enum), field.enum.typeName, () => enumeration(field.enum));
  }
}

export function createSchemas(): Schemas {
  return new Builder();
}
