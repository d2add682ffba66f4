import type { Json, JsonObject } from '../../events/types.ts';
import type { Violation } from '../../kernel/errors.ts';
import { isObject } from '../../kernel/is-object.ts';
import { judgeLimits } from './limits.ts';
import { schemaPattern } from './schema-pattern.ts';

/** Keywords whose values are schemas by name, and those whose value is a schema or a list of them. All else is data or a remark. */
const maps = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'] as const;
const places = [
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'contains', 'contentSchema', 'propertyNames', 'prefixItems', 'items'],
  ...['additionalItems', 'unevaluatedItems', 'additionalProperties', 'unevaluatedProperties'],
];

type Visit = (schema: Record<string, Json>, path: string) => void;

/** Visits every schema in a schema, each with its dotted path. */
function walkSchemas(value: Json | undefined, path: string, visit: Visit): void {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) walkSchemas(item, `${path}[${i}]`, visit);
  if (!isObject(value)) return;
  visit(value, path);
  for (const key of places) walkSchemas(value[key], `${path}.${key}`, visit);
  for (const key of maps) {
    const below = value[key];
    if (isObject(below)) for (const [name, one] of Object.entries(below)) walkSchemas(one, `${path}.${key}.${name.slice(0, 64)}`, visit);
  }
}

/**
 * A copy without `$schema`, which is judged already, and without OpenAPI's `nullable` where there is no `type` that it could widen:
 * there it says nothing, but the validator refuses it.
 */
export function plainSchema(schema: JsonObject): JsonObject {
  const copy = structuredClone(schema) as Record<string, Json>;
  delete copy['$schema'];
  walkSchemas(copy, '', (one) => {
    if (typeof one['nullable'] === 'boolean' && !(one['nullable'] && one['type'] !== undefined)) delete one['nullable'];
  });
  return copy;
}

/** The patterns that cannot be understood, each with its place. A schema is no secret: which part of the pattern is said. */
export function judgePatterns(schema: JsonObject): readonly Violation[] {
  const violations: Violation[] = [];
  const judge = (pattern: Json | undefined, field: string): void => {
    if (typeof pattern !== 'string' || violations.length >= judgeLimits.violations) return;
    try {
      schemaPattern(pattern);
    } catch (error) {
      const message = `must be a regular expression: ${error instanceof Error ? error.message : String(error)}`;
      violations.push({ field, rule: 'pattern', message });
    }
  };
  walkSchemas(schema, 'config_schema', (one, path) => {
    judge(one['pattern'], `${path}.pattern`);
    const named = one['patternProperties'];
    for (const name of isObject(named) ? Object.keys(named) : []) judge(name, `${path}.patternProperties.${name.slice(0, 64)}`);
  });
  return violations;
}
