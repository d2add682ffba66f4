/** Free-form data (google.protobuf.Struct): what JSON, SQLite and every codec can carry to the letter, and nothing else. */
import type { JsonObject } from '../../events/types.ts';
import { invalid, type Violation } from '../../kernel/errors.ts';

/** Violations told of one request; a million bad values need no million sentences. */
export const maxViolations = 100;

interface Walk {
  readonly violations: Violation[];
  readonly maxDepth: number;
}

function fault(value: unknown, depth: number, walk: Walk): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'must be a finite number';
  if (typeof value === 'string' && !value.isWellFormed()) return 'must be well-formed Unicode';
  if (typeof value === 'object' && value !== null && depth > walk.maxDepth) return `must not nest deeper than ${walk.maxDepth} levels`;
  return undefined;
}

function visit(value: unknown, path: string, depth: number, walk: Walk): void {
  if (walk.violations.length >= maxViolations) return;
  const message = fault(value, depth, walk);
  if (message !== undefined) {
    walk.violations.push({ field: path, message });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, `${path}[${index}]`, depth + 1, walk);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (!key.isWellFormed()) walk.violations.push({ field: path, message: 'keys must be well-formed Unicode' });
      else visit(item, `${path}.${key}`, depth + 1, walk);
    }
  }
}

/** Adds what is wrong with `value` to `violations`. */
export function checkData(value: unknown, field: string, options: Walk): void {
  visit(value, field, 1, options);
}

/** Free-form data of a request as it is, where every codec can carry it. Throws INVALID_REQUEST with the paths. */
export function dataOf(value: object | undefined, field: string, maxDepth: number): JsonObject | undefined {
  const violations: Violation[] = [];
  if (value !== undefined) checkData(value, field, { violations, maxDepth });
  if (violations.length > 0) throw invalid(violations);
  return value as JsonObject | undefined;
}
