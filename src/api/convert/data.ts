/** Free-form data (google.protobuf.Struct): what JSON, SQLite and every codec can carry to the letter, and nothing else. */
import { createDataJudge, type JsonObject } from '../../events/index.ts';
import { invalid, type Violation } from '../../kernel/errors.ts';
import { noRedactor } from '../../kernel/redaction.ts';

/** Violations told of one request; a million bad values need no million sentences. */
export const maxViolations = 100;

/** The data as it is. Throws INVALID_REQUEST with the paths of what is wrong, judged as the data of events is. */
export function dataOf(value: object | undefined, field: string, maxDepth: number): JsonObject | undefined {
  if (value === undefined) return undefined;
  const violations: Violation[] = [];
  const report = (path: string, message: string, rule = ''): void => {
    if (violations.length < maxViolations) violations.push({ field: path, message, rule });
  };
  noRedactor.json(value as JsonObject, field, createDataJudge(report, maxDepth));
  if (violations.length > 0) throw invalid(violations);
  return value as JsonObject;
}
