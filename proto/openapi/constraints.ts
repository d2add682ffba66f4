/** The rules of `buf.validate` as JSON Schema. A rule that is not known here ends the generation, so that none is left out in silence. */
import { type DescField, type DescMessage, getOption, hasOption, isFieldSet, type Message } from '@bufbuild/protobuf';
import * as validate from '../../gen/es/buf/validate/validate_pb.js';

export type Json = Record<string, unknown>;

export interface Constraint {
  /** Keywords of JSON Schema. */
  readonly schema: Json;
  /** What JSON Schema has no word for, to be said in the description. */
  readonly notes: readonly string[];
  /** Whether an absent field breaks a rule: it is required, or what stands for its absence is not allowed. */
  readonly required: boolean;
}

/** What one rule comes to; `absent` is true where the rule refuses the empty value. */
interface Said {
  readonly schema?: Json;
  readonly note?: string;
  readonly absent?: boolean;
}

const number = (value: unknown): number => Number(value);
const list = (value: unknown): unknown[] => [...(value as Iterable<unknown>)];
const seconds = (value: unknown): string => `${Number((value as { seconds: bigint }).seconds)}s`;

/** Rules of whole numbers and fractions alike. */
const ofNumbers: Readonly<Record<string, (value: unknown) => Said>> = {
  gte: (value) => ({ schema: { minimum: number(value) }, absent: number(value) > 0 }),
  gt: (value) => ({ schema: { exclusiveMinimum: number(value) }, absent: number(value) >= 0 }),
  lte: (value) => ({ schema: { maximum: number(value) } }),
  lt: (value) => ({ schema: { exclusiveMaximum: number(value) } }),
};

const rules: Readonly<Record<string, Readonly<Record<string, (value: unknown) => Said>>>> = {
  int32: ofNumbers,
  int64: ofNumbers,
  double: ofNumbers,
  string: {
    min_len: (value) => ({ schema: { minLength: number(value) }, absent: number(value) > 0 }),
    max_len: (value) => ({ schema: { maxLength: number(value) } }),
    // Bytes are at least as many as characters.
    max_bytes: (value) => ({ schema: { maxLength: number(value) }, note: `At most ${number(value)} bytes as UTF-8.` }),
    pattern: (value) => ({ schema: { pattern: String(value) }, absent: !new RegExp(String(value), 'u').test('') }),
    in: (value) => ({ schema: { enum: list(value) }, absent: !list(value).includes('') }),
  },
  repeated: {
    min_items: (value) => ({ schema: { minItems: number(value) }, absent: number(value) > 0 }),
    max_items: (value) => ({ schema: { maxItems: number(value) } }),
    items: (value) => ({ schema: { items: constraintOf(value as validate.FieldRules).schema } }),
  },
  map: {
    max_pairs: (value) => ({ schema: { maxProperties: number(value) } }),
    keys: (value) => ({ schema: { propertyNames: constraintOf(value as validate.FieldRules).schema } }),
    values: (value) => ({ schema: { additionalProperties: constraintOf(value as validate.FieldRules).schema } }),
  },
  enum: {
    // Schemas name the values that there are anyway.
    defined_only: () => ({}),
    not_in: (value) => ({ schema: { not: { enum: list(value) } }, absent: list(value).includes(0) }),
  },
  duration: {
    gte: (value) => ({ note: `At least ${seconds(value)}.` }),
    gt: (value) => ({ note: `More than ${seconds(value)}.` }),
    lte: (value) => ({ note: `At most ${seconds(value)}.` }),
    lt: (value) => ({ note: `Less than ${seconds(value)}.` }),
  },
};

const none: Constraint = { schema: {}, notes: [], required: false };

/** What the rules of a field say. Throws for a rule that has no translation. */
export function fieldConstraint(field: DescField): Constraint {
  return hasOption(field, validate.field) ? constraintOf(getOption(field, validate.field)) : none;
}

/** The sentences of a message's own rules. */
export function messageNotes(desc: DescMessage): readonly string[] {
  if (!hasOption(desc, validate.message)) return [];
  return getOption(desc, validate.message).cel.map(({ message, id }) => message || id);
}

function constraintOf(whole: validate.FieldRules): Constraint {
  const known = ['required', 'cel'];
  const beside = validate.FieldRulesSchema.fields.filter((field) => field.oneof === undefined && isFieldSet(whole, field));
  const strange = beside.find(({ name }) => !known.includes(name));
  if (strange !== undefined) throw new Error(`buf.validate ${strange.name} has no translation: add it to proto/openapi/constraints.ts`);
  const said = saidBy(whole);
  return {
    schema: Object.assign({}, ...said.map(({ schema }) => schema)),
    notes: [...said.flatMap(({ note }) => note ?? []).sort(), ...whole.cel.map(({ message, id }) => message || id)],
    required: whole.required || said.some(({ absent }) => absent === true),
  };
}

function saidBy({ type }: validate.FieldRules): readonly Said[] {
  if (type.case === undefined) return [];
  const table = rules[type.case];
  const message = type.value as Message;
  const schema = validate.FieldRulesSchema.fields.find(({ localName }) => localName === type.case)?.message;
  if (schema === undefined) throw new Error(`buf.validate has no rules of ${type.case}`);
  return schema.fields
    .filter((field) => isFieldSet(message, field))
    .map((field) => {
      const translate = table?.[field.name];
      if (translate === undefined) {
        throw new Error(`buf.validate ${type.case}.${field.name} has no translation: add it to proto/openapi/constraints.ts`);
      }
      return translate(memberValue(message, field));
    });
}

/** A member of a oneof stands in its group. */
function memberValue(message: Message, field: DescField): unknown {
  if (field.oneof === undefined) return Reflect.get(message, field.localName);
  return (Reflect.get(message, field.oneof.localName) as { readonly value: unknown }).value;
}
