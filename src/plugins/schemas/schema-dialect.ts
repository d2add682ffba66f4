/** Which JSON Schema a schema is written in, and a validator for it that takes schemas as generators write them. */
import { Ajv, type Options } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonObject } from '../../events/types.ts';
import { multipleOf } from './multiple-of.ts';
import { schemaPattern } from './schema-pattern.ts';

export type JsonSchema = Ajv | Ajv2019 | Ajv2020;

/** By the `$schema` of each, without its scheme and without `#` at its end. Draft 6 is a part of draft 7; the bare name means the newest. */
const dialects: Readonly<Record<string, new (options: Options) => JsonSchema>> = {
  'json-schema.org/draft/2020-12/schema': Ajv2020,
  'json-schema.org/draft/2019-09/schema': Ajv2019,
  'json-schema.org/draft-07/schema': Ajv,
  'json-schema.org/draft-06/schema': Ajv,
  'json-schema.org/schema': Ajv2020,
};
export const dialectNames = '2020-12, 2019-09, draft-07, draft-06';

/** Those to try, in order; none for a `$schema` that is not known. A schema that names none may be of the newest, or of draft-07. */
export function dialectsOf(schema: unknown): readonly (() => JsonSchema)[] {
  const name = typeof schema === 'object' && schema !== null ? (schema as JsonObject)['$schema'] : undefined;
  if (name === undefined || name === '') return [() => prepared(Ajv2020), () => prepared(Ajv)];
  const bare = typeof name === 'string' ? name.replace(/^https?:\/\//, '').replace(/#$/, '') : '';
  const dialect = Object.hasOwn(dialects, bare) ? dialects[bare] : undefined;
  return dialect === undefined ? [] : [() => prepared(dialect)];
}

const regExp = Object.assign((pattern: string): RegExp => schemaPattern(pattern), { code: 'schemaPattern' });

function isPattern(text: string): boolean {
  try {
    schemaPattern(text);
    return true;
  } catch {
    return false;
  }
}

function prepared(dialect: new (options: Options) => JsonSchema): JsonSchema {
  // Not strict: keywords and formats that are not in the draft are remarks, as it says itself.
  const ajv = new dialect({ allErrors: true, strict: false, logger: false, code: { regExp } });
  addFormats.default(ajv as Ajv);
  ajv.addFormat('regex', isPattern);
  ajv.removeKeyword('multipleOf').addKeyword(multipleOf);
  // Draft 4 named schemas by it; in all that are known here it is a remark.
  ajv.removeKeyword('id');
  return ajv;
}
