/**
 * REST's routes, made of the `google.api.http` options of the methods that are served: templates, bodies and answers are
 * resolved to the fields that they name, so that a wrong one fails the start and not the first caller.
 */
import { type DescField, type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { http } from '../../../../gen/es/google/api/annotations_pb.js';
import type { HttpRule } from '../../../../gen/es/google/api/http_pb.js';
import type { ServedMethod } from '../../seam.ts';
import { type RequestDocument, requestDocuments } from './answers.ts';
import { fieldNamed } from './decode.ts';
import { type Capture, parseTemplate, type Template } from './template.ts';

/** What the path gives to one field; nested fields from the outside in. */
export interface PathField {
  readonly name: string;
  readonly fields: readonly DescField[];
}

/** One rule of one method. */
export interface Route {
  readonly httpMethod: string;
  readonly template: string;
  readonly method: ServedMethod;
  readonly compiled: Template;
  readonly path: readonly PathField[];
  /** `all` of the request, one field of it, or none. */
  readonly body: 'none' | 'all' | DescField;
  /** How the body may come instead of as JSON. */
  readonly document: RequestDocument | undefined;
  /** Fields that the query may not give. */
  readonly taken: ReadonlySet<string>;
  readonly masks: readonly DescField[];
  readonly etag: DescField | undefined;
}

function patternOf({ pattern }: HttpRule): { readonly httpMethod: string; readonly template: string } {
  switch (pattern.case) {
    case undefined:
      throw new Error('a google.api.http rule has no pattern');
    case 'custom':
      return { httpMethod: pattern.value.kind.toUpperCase(), template: pattern.value.path };
    default:
      return { httpMethod: pattern.case.toUpperCase(), template: pattern.value };
  }
}

function demand(desc: DescMessage, name: string, where: string): DescField {
  const field = fieldNamed(desc, name);
  if (field === undefined) throw new Error(`${where} names ${name}, which ${desc.typeName} does not have`);
  return field;
}

function pathField(input: DescMessage, { field }: Capture, where: string): PathField {
  const fields: DescField[] = [];
  let desc: DescMessage | undefined = input;
  for (const name of field.split('.')) {
    if (desc === undefined) throw new Error(`${where} names ${field}, of which a part is no message`);
    const next: DescField = demand(desc, name, where);
    fields.push(next);
    desc = next.fieldKind === 'message' ? next.message : undefined;
  }
  if (fields.at(-1)?.scalar === undefined) throw new Error(`${where}: ${field} is no scalar`);
  return { name: field, fields };
}

function bodyOf({ body }: HttpRule, input: DescMessage, where: string): Route['body'] {
  if (body === '') return 'none';
  return body === '*' ? 'all' : demand(input, body, where);
}

function routeOf(method: ServedMethod, rule: HttpRule): Route {
  const { httpMethod, template } = patternOf(rule);
  const { input } = method.desc;
  const where = `${httpMethod} ${template}`;
  if (rule.responseBody !== '') throw new Error(`${where} has a response_body, which is not served: an answer is a whole message`);
  const compiled = parseTemplate(template);
  const path = compiled.captures.map((capture) => pathField(input, capture, where));
  const body = bodyOf(rule, input, where);
  const document = requestDocuments[method.path];
  const inBody = [...(typeof body === 'string' ? [] : [body]), ...(document === undefined ? [] : [demand(input, document.field, where)])];
  return {
    ...{ httpMethod, template, method, compiled, path, body, document },
    taken: new Set([...path, ...inBody].map(({ name }) => name)),
    masks: input.fields.filter((field) => field.fieldKind === 'message' && field.message.typeName === FieldMaskSchema.typeName),
    etag: fieldNamed(input, 'etag'),
  };
}

export function routesOf(method: ServedMethod): Route[] {
  if (!hasOption(method.desc, http)) return [];
  const rule = getOption(method.desc, http);
  return [rule, ...rule.additionalBindings].map((binding) => routeOf(method, binding));
}
