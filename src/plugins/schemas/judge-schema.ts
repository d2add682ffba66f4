import type { ErrorObject, ValidateFunction } from 'ajv';
import type { JsonObject } from '../../events/types.ts';
import type { Violation } from '../../kernel/errors.ts';
import { judgeLimits } from './limits.ts';
import { dialectNames, dialectsOf, type JsonSchema } from './schema-dialect.ts';
import { judgePatterns, plainSchema } from './walk-schema.ts';

/**
 * Understands a schema of the dialect that it names, or says what is wrong with it. An instance each: what one schema names by `$id` is nothing
 * to another. References to the outside are never fetched: they are refused. Costs what the schema wants: only for the thread that may be killed.
 */
export function compileSchema(schema: unknown): ValidateFunction | readonly Violation[] {
  const dialects = dialectsOf(schema);
  if (dialects.length === 0) return [{ field: 'config_schema.$schema', rule: 'schema', message: `must be one of ${dialectNames}` }];
  const plain = plainSchema(schema as JsonObject);
  const patterns = judgePatterns(plain);
  if (patterns.length > 0) return patterns;
  let refused: readonly Violation[] | undefined;
  for (const open of dialects) {
    const found = understand(open(), plain);
    if (typeof found === 'function') return found;
    // What is said is by the newest dialect that comes into question.
    refused ??= found;
  }
  return refused ?? [];
}

function understand(ajv: JsonSchema, schema: JsonObject): ValidateFunction | readonly Violation[] {
  try {
    if (ajv.validateSchema(schema) !== true) return violationsOf(ajv.errors ?? [], schema, 'config_schema');
    return ajv.compile(schema);
  } catch (error) {
    return [{ field: 'config_schema', rule: 'schema', message: firstLine(error) }];
  }
}

/** What is wrong with a document: at most 100 things, each with its dotted path below `config`. */
export function judgeDocument(validate: ValidateFunction, document: unknown): readonly Violation[] {
  return validate(document) ? [] : violationsOf(validate.errors ?? [], document, 'config');
}

function violationsOf(errors: readonly ErrorObject[], document: unknown, root: string): readonly Violation[] {
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const error of errors) {
    const violation = { field: fieldOf(error, document, root), rule: error.keyword, message: messageOf(error) };
    const key = `${violation.field}\n${violation.rule}\n${violation.message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    violations.push(violation);
    if (violations.length >= judgeLimits.violations) break;
  }
  return violations;
}

/** ajv names places by JSON pointers; which of its numbers are indices, the document says. */
function fieldOf(error: ErrorObject, document: unknown, root: string): string {
  let path = root;
  let value = document;
  for (const step of error.instancePath.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path += Array.isArray(value) ? `[${key}]` : `.${key.slice(0, 64)}`;
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }
  const params = error.params as Record<string, unknown>;
  const below = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'] ?? params['propertyName'];
  return typeof below === 'string' ? `${path}.${below.slice(0, 64)}` : path;
}

/** For people. What the document has at that place is never told: it may be a secret. */
function messageOf({ keyword, message, params }: ErrorObject): string {
  const p = params as Record<string, unknown>;
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not known';
    case 'enum':
      return `must be one of ${list(p['allowedValues'])}`;
    case 'const':
      return `must be ${short(p['allowedValue'])}`;
    case 'if':
      return `must fit what the schema says under "${String(p['failingKeyword'])}"`;
    default:
      return short(message ?? `breaks the rule ${keyword}`, 500, false);
  }
}

function list(values: unknown): string {
  if (!Array.isArray(values)) return 'the allowed values';
  const shown = values.slice(0, 20).map((value) => short(value));
  return values.length > 20 ? `${shown.join(', ')} …` : shown.join(', ');
}

function short(value: unknown, chars = 100, asJson = true): string {
  const text = asJson ? JSON.stringify(value) : String(value);
  return text.length > chars ? `${text.slice(0, chars)}…` : text;
}

function firstLine(error: unknown): string {
  const text =
    error instanceof RangeError
      ? 'is nested or repeated beyond what can be understood'
      : error instanceof Error
        ? error.message
        : String(error);
  return short(text.split('\n')[0] ?? '', 500, false);
}
