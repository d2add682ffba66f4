/**
 * JSON -> message, with faults that name the field. The happy path is the library's decoder alone; what it refuses is taken
 * apart field by field, until every fault has a path as the caller wrote it.
 */

import { type DescField, type DescMessage, fromJson, type JsonObject, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { invalid, type Violation } from '../../../kernel/errors.ts';
import { isObject } from '../../../kernel/is-object.ts';
import { maxViolations } from '../../convert/data.ts';
import { judgeMoments } from './moments.ts';

function attempt(desc: DescMessage, json: JsonValue): string | undefined {
  try {
    fromJson(desc, json);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return text.replace(/^cannot decode .*? from JSON:? ?/, '').slice(0, 300) || 'has the wrong type';
  }
}

export function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  return desc.fields.find((field) => field.name === name || field.jsonName === name);
}

/** Messages that JSON writes as something else than their fields. */
export function isWellKnown(desc: DescMessage): boolean {
  return desc.typeName.startsWith('google.protobuf.') && desc.typeName !== 'google.protobuf.Empty';
}

/** What the library's decoder says of these is its own view of the value (`Array(0)`). */
const forms: Readonly<Record<string, string>> = {
  'google.protobuf.Struct': 'a JSON object',
  'google.protobuf.Timestamp': 'a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z',
  'google.protobuf.Duration': 'a duration such as 1.5s',
};

function explain(field: DescField, text: string): string {
  const values = field.fieldKind === 'enum' || (field.fieldKind === 'list' && field.listKind === 'enum') ? field.enum?.values : undefined;
  const wanted = field.message === undefined ? undefined : forms[field.message.typeName];
  if (wanted !== undefined) return text.startsWith('must ') ? text : `must be ${wanted}`;
  return values === undefined ? text : `must be one of ${values.map(({ name }) => name).join(', ')}, not ${text}`;
}

interface Search {
  readonly violations: Violation[];
}

function inField(parent: DescMessage, field: DescField, value: JsonValue, at: { readonly path: string } & Search): void {
  const text = attempt(parent, { [field.name]: value });
  if (text === undefined) return;
  if (field.fieldKind === 'message' && !isWellKnown(field.message) && isObject(value)) {
    inMessage(field.message, value, at);
  } else if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [index, item] of value.entries()) inItem(parent, field, item, { ...at, path: `${at.path}[${index}]` });
  } else {
    at.violations.push({ field: at.path, message: explain(field, text), rule: 'json' });
  }
}

function inItem(
  parent: DescMessage,
  field: DescField & { fieldKind: 'list' },
  item: JsonValue,
  at: { readonly path: string } & Search,
): void {
  if (at.violations.length >= maxViolations) return;
  const text = attempt(parent, { [field.name]: [item] });
  if (text === undefined) return;
  if (field.listKind === 'message' && !isWellKnown(field.message) && isObject(item)) inMessage(field.message, item, at);
  else at.violations.push({ field: at.path, message: explain(field, text), rule: 'json' });
}

function inMessage(desc: DescMessage, json: JsonObject, at: { readonly path: string } & Search): void {
  const seen = new Set<DescField>();
  for (const [key, value] of Object.entries(json)) {
    if (at.violations.length >= maxViolations) return;
    const path = at.path === '' ? key : `${at.path}.${key}`;
    const field = fieldNamed(desc, key);
    if (field === undefined) {
      at.violations.push({ field: path, message: `${desc.typeName} has no such field`, rule: 'json.unknown_field' });
    } else if (seen.has(field)) {
      at.violations.push({ field: path, message: 'is given twice', rule: 'json.duplicate_field' });
    } else {
      seen.add(field);
      inField(desc, field, value, { ...at, path });
    }
  }
}

/** Throws INVALID_REQUEST; `path` stands before the names of the fields. */
export function decodeJson<D extends DescMessage>(desc: D, json: JsonValue, path = ''): MessageShape<D> {
  let message: MessageShape<D>;
  try {
    message = fromJson(desc, json);
  } catch (error) {
    const violations: Violation[] = [];
    if (isObject(json)) inMessage(desc, json, { path, violations });
    if (violations.length > 0) throw invalid(violations);
    const text = error instanceof Error ? error.message : String(error);
    throw invalid([{ field: path === '' ? 'body' : path, message: text, rule: 'json' }]);
  }
  const violations = judgeMoments(desc, json, path);
  if (violations.length > 0) throw invalid(violations);
  return message;
}
