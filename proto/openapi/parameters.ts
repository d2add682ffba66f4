/** What a request says beside its body: path, query (nested fields with a dot), and the headers that stand for fields. */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { isWellKnown } from '../../src/api/protocols/rest/decode.ts';
import type { Route } from '../../src/api/protocols/rest/route.ts';
import { commentOf } from './comments.ts';
import { fieldConstraint, type Json } from './constraints.ts';
import { valueFor } from './examples.ts';
import { durationPattern, type Schemas } from './schemas.ts';

/** Durations of the query are taken as the configuration writes them too. */
const queryDuration = `${durationPattern}|^([0-9]+(\\.[0-9]+)?(ms|[smhdw]))+$`;

/** The schema alone; what a parameter says of itself stands beside it. */
function parameterSchema(field: DescField, schemas: Schemas): { readonly schema: Json; readonly description: string } {
  const { description, ...schema } = schemas.field(field, 'request');
  const widened = JSON.parse(JSON.stringify(schema), (key, value) =>
    key === 'pattern' && value === durationPattern ? queryDuration : value,
  );
  return { schema: widened, description: typeof description === 'string' ? description : commentOf(field) };
}

function pathParameters(route: Route, schemas: Schemas): Json[] {
  return route.path.map(({ name, fields }) => {
    const field = fields.at(-1);
    if (field === undefined) throw new Error(`${route.template} has an empty capture`);
    const { schema, description } = parameterSchema(field, schemas);
    // An empty segment is no path of this route.
    const filled = 'pattern' in schema || 'minLength' in schema ? schema : { ...schema, minLength: 1 };
    return { name, in: 'path', required: true, description, schema: filled, ...exampleBeside(field) };
  });
}

function exampleBeside(field: DescField): Json {
  const value = valueFor(field);
  return value === undefined || value === '' ? {} : { example: value };
}

/** An entry of a map is a parameter `labels.process=edge`: each property of the object is one. */
function mapParameter(field: DescField, name: string): Json {
  const { schema } = fieldConstraint(field);
  const value = { type: 'string', ...(schema['additionalProperties'] as Json | undefined) };
  const bound = schema['maxProperties'] === undefined ? {} : { maxProperties: schema['maxProperties'] };
  return {
    name,
    in: 'query',
    description: `${commentOf(field)} One parameter \`${name}.NAME=VALUE\` for each.`,
    style: 'form',
    explode: true,
    schema: { type: 'object', ...bound, patternProperties: { [`^${name}\\..+$`]: value }, additionalProperties: false },
  };
}

function queryOf(desc: DescMessage, schemas: Schemas, at: { readonly path: string; readonly taken: ReadonlySet<string> }): Json[] {
  return desc.fields.flatMap((field) => {
    const name = `${at.path}${field.name}`;
    if (at.taken.has(name)) return [];
    if (field.fieldKind === 'map') {
      return field.mapKey === ScalarType.STRING && field.scalar === ScalarType.STRING ? [mapParameter(field, name)] : [];
    }
    if (field.fieldKind === 'message' && !isWellKnown(field.message)) return queryOf(field.message, schemas, { ...at, path: `${name}.` });
    if (field.message?.typeName === 'google.protobuf.Struct' || field.message?.typeName === 'google.protobuf.Value') return [];
    const { schema, description } = parameterSchema(field, schemas);
    const { required } = fieldConstraint(field);
    return [{ name, in: 'query', ...(required && at.path === '' ? { required } : {}), description, schema }];
  });
}

function etagParameter(): Json {
  return {
    name: 'If-Match',
    in: 'header',
    description:
      'The etag of what this change was made from, as `ETag` gave it; a stale one is 409 (ETAG_STALE). `*` takes whatever is there.',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
    example: '"f3a1c2d4"',
  };
}

function resumeParameter(field: DescField): Json {
  return {
    name: 'Last-Event-ID',
    in: 'header',
    description: `The \`id\` of the last frame that was seen, as a browser sends it: stands for \`${field.name}\` and goes before it.`,
    schema: { type: 'string', pattern: '^[0-9]{1,19}$' },
  };
}

/** All parameters of a route. `resume` is the field that `Last-Event-ID` stands for. */
export function parametersOf(route: Route, schemas: Schemas, resume: DescField | undefined): Json[] {
  // Where the body is the whole request nothing is left for the query, unless the body may be a bare document.
  const inQuery = route.body !== 'all' || route.document !== undefined;
  return [
    ...pathParameters(route, schemas),
    ...(inQuery ? queryOf(route.method.desc.input, schemas, { path: '', taken: route.taken }) : []),
    ...(route.etag === undefined ? [] : [etagParameter()]),
    ...(resume === undefined ? [] : [resumeParameter(resume)]),
  ];
}
