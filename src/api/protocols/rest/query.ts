/** Query parameters -> the JSON of a request: nested fields with a dot, repeated ones repeated. */
import { type DescEnum, type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { parseDuration } from '../../../kernel/duration.ts';
import { invalid, type Violation } from '../../../kernel/errors.ts';
import { isObject } from '../../../kernel/is-object.ts';
import { maxViolations } from '../../convert/data.ts';
import { fieldNamed, isWellKnown } from './decode.ts';

const wrappers = /^google\.protobuf\.(Bool|String|Bytes|Int32|UInt32|Int64|UInt64|Float|Double)Value$/;

/** What was wrong with one value. */
class Unfit {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** `1.5s`, and the configuration's own `500ms`, `1m30s`. */
function duration(text: string): JsonValue | Unfit {
  if (/^-?\d+(\.\d{1,9})?s$/.test(text)) return text;
  const ms = parseDuration(text);
  return ms === undefined ? new Unfit('must be a duration such as 1.5s') : `${ms / 1000}s`;
}

function scalar(type: ScalarType, text: string): JsonValue | Unfit {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return text;
    case ScalarType.BOOL:
      return text === 'true' || text === 'false' ? text === 'true' : new Unfit('must be true or false');
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return text.trim() !== '' && Number.isFinite(Number(text)) ? text : new Unfit('must be a number');
    default:
      return /^-?\d{1,20}$/.test(text) ? text : new Unfit('must be a whole number');
  }
}

function enumeration(desc: DescEnum, text: string): JsonValue | Unfit {
  const value = desc.values.find(({ name, number }) => name === text || String(number) === text);
  return value?.name ?? new Unfit(`must be one of ${desc.values.map(({ name }) => name).join(', ')}`);
}

function wellKnown(desc: DescMessage, text: string): JsonValue | Unfit {
  if (desc.typeName === 'google.protobuf.Duration') return duration(text);
  // A plus sign in a query means a blank unless it is escaped; in a moment there is no other blank.
  if (desc.typeName === 'google.protobuf.Timestamp') return text.replace(' ', '+');
  if (desc.typeName === 'google.protobuf.FieldMask') return text;
  const [valueField] = wrappers.test(desc.typeName) ? desc.fields : [];
  if (valueField?.scalar !== undefined) return scalar(valueField.scalar, text);
  return new Unfit('cannot be given in the query');
}

function single(field: DescField, text: string): JsonValue | Unfit {
  if (field.fieldKind === 'map') return new Unfit('cannot be given in the query');
  if (field.scalar !== undefined) return scalar(field.scalar, text);
  if (field.enum !== undefined) return enumeration(field.enum, text);
  if (field.message !== undefined && isWellKnown(field.message)) return wellKnown(field.message, text);
  return new Unfit('cannot be given in the query');
}

/** Puts one value at its place in `json`; answers what is wrong. */
function put(json: JsonObject, desc: DescMessage, path: readonly string[], text: string): string | undefined {
  const [name = '', ...rest] = path;
  const field = fieldNamed(desc, name);
  if (field === undefined) return 'is no parameter of this route';
  if (rest.length > 0 && field.fieldKind === 'map') return putEntry(json, field, rest.join('.'), text);
  if (rest.length > 0) {
    if (field.fieldKind !== 'message' || isWellKnown(field.message)) return 'is no parameter of this route';
    const child = json[field.name] ?? {};
    json[field.name] = child;
    return isObject(child) ? put(child, field.message, rest, text) : 'is given twice';
  }
  const value = single(field, text);
  if (value instanceof Unfit) return value.message;
  if (field.fieldKind === 'list') {
    const list = json[field.name] ?? [];
    json[field.name] = list;
    if (!Array.isArray(list)) return 'is given twice';
    list.push(value);
    return undefined;
  }
  if (Object.hasOwn(json, field.name)) return 'is given twice';
  json[field.name] = value;
  return undefined;
}

/** `labels.process=edge`: an entry of a map of texts. */
function putEntry(json: JsonObject, field: DescField & { readonly fieldKind: 'map' }, key: string, text: string): string | undefined {
  if (field.mapKey !== ScalarType.STRING || field.scalar !== ScalarType.STRING) return 'cannot be given in the query';
  const map = json[field.name] ?? {};
  if (!isObject(map) || Object.hasOwn(map, key)) return 'is given twice';
  json[field.name] = { ...map, [key]: text };
  return undefined;
}

/** Whether `key` is `taken` or lies below it; proto and JSON names of the first field are the same here. */
function isTaken(key: string, desc: DescMessage, taken: ReadonlySet<string>): boolean {
  const [first = ''] = key.split('.');
  const field = fieldNamed(desc, first);
  return taken.has(key) || (field !== undefined && taken.has(field.name));
}

/**
 * Adds the parameters to `json`, a request of type `desc`. `taken` are the fields that come from path or body. Throws
 * INVALID_REQUEST that names the parameters.
 */
export function mapQuery(
  query: URLSearchParams,
  json: JsonObject,
  options: { readonly desc: DescMessage; readonly taken: ReadonlySet<string> },
): void {
  const violations: Violation[] = [];
  for (const [key, text] of query) {
    if (violations.length >= maxViolations) break;
    const path = key.split('.');
    const message = isTaken(key, options.desc, options.taken)
      ? 'comes from the path or the body'
      : path.length > 16
        ? 'is no parameter of this route'
        : put(json, options.desc, path, text);
    if (message !== undefined) violations.push({ field: key, message, rule: 'query' });
  }
  if (violations.length > 0) throw invalid(violations);
}
