/** One operation for each route: what is asked, by whom, and what may be answered. */
import type { DescField } from '@bufbuild/protobuf';
import { type StreamAnswer, streamAnswers, unaryAnswers } from '../../src/api/protocols/rest/answers.ts';
import { fieldNamed } from '../../src/api/protocols/rest/decode.ts';
import type { Route } from '../../src/api/protocols/rest/route.ts';
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import { commentOf, summaryOf } from './comments.ts';
import type { Json } from './constraints.ts';
import { exampleOf } from './examples.ts';
import { parametersOf } from './parameters.ts';
import { errorResponses, headersOf, reasonsOf } from './responses.ts';
import type { Schemas } from './schemas.ts';

export interface Tools {
  readonly schemas: Schemas;
  /** Error responses by name, which several operations share. */
  readonly responses: Map<string, Json>;
  /** Every reason that an operation named. */
  readonly reasons: Set<ErrorReason>;
}

function requestBody(route: Route, { schemas }: Tools): Json {
  const { body, method, path } = route;
  if (body === 'none') return {};
  const { input } = method.desc;
  const inPath = new Set(path.map(({ name }) => name));
  const whole = body === 'all';
  const schema = whole ? schemas.body(input, inPath) : schemas.field(body, 'request');
  const all = exampleOf(input, 'request');
  const example = whole ? Object.fromEntries(Object.entries(all).filter(([name]) => !inPath.has(name))) : all[body.name];
  const required = whole ? Array.isArray(bodyRequired(schema, schemas)) : true;
  const { document } = route;
  const types = document === undefined ? [] : document.types === 'any' ? ['application/yaml', 'text/plain'] : document.types;
  const text = { schema: { type: 'string' }, example: documentExample(types, example) };
  const content = { 'application/json': { schema, example }, ...Object.fromEntries(types.map((type) => [type, text])) };
  return { requestBody: { required, content } };
}

/** What a body must have; undefined where it may be left out. */
function bodyRequired(schema: Json, { components }: Schemas): unknown {
  const name = String(schema['$ref'] ?? '').replace('#/components/schemas/', '');
  return (components[name] ?? schema)['required'];
}

function documentExample(types: readonly string[], example: unknown): string {
  const content: unknown = typeof example === 'object' && example !== null ? Reflect.get(example, 'content') : undefined;
  return typeof content === 'string' ? content : types.includes('application/yaml') ? 'agent: {log_level: debug}\n' : '';
}

function successHeaders(route: Route, status: number): Json {
  const { output } = route.method.desc;
  const { path } = route.method;
  return {
    ...headersOf(status),
    ...(output.fields.some(({ name }) => name === 'etag') ? { ETag: { $ref: '#/components/headers/ETag' } } : {}),
    ...(unaryAnswers[path]?.location === undefined ? {} : { Location: { $ref: '#/components/headers/Location' } }),
  };
}

function unaryResponses(route: Route, { schemas }: Tools): Json {
  const { method } = route;
  const { output } = method.desc;
  const json = { schema: schemas.refer(output, 'response'), example: exampleOf(output, 'response') };
  const { types: [text] = [], example } = unaryAnswers[method.path]?.document ?? {};
  const content = {
    'application/json': json,
    ...(text === undefined ? {} : { [text]: { schema: { type: 'string' }, example } }),
  };
  const statuses = unaryAnswers[method.path]?.statuses ?? [200];
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: successWords[status] ?? commentOf(output), headers: successHeaders(route, status), content },
    ]),
  );
}

const successWords: Readonly<Record<number, string>> = {
  201: 'Made; `Location` says where it is.',
  503: 'It does not do its work: the body says what is wrong, or why the call was refused.',
};

function streamResponse(route: Route, answer: StreamAnswer, { schemas }: Tools): Json {
  const { output } = route.method.desc;
  const item = schemas.refer(output, 'response');
  const line = JSON.stringify(exampleOf(output, 'response'));
  const id = answer.cursor === undefined ? '' : 'id: 1042\n';
  const frame = `${id}event: ${answer.kinds[0] ?? 'message'}\ndata: ${line}\n\n`;
  const events = 'frames with `id` (the cursor), `event` (its kind) and `data` (one message); comments keep the connection open';
  return {
    '200': {
      description: `${commentOf(output)}\n\nEndless. As \`text/event-stream\` (the default): ${events}. As \`application/x-ndjson\`: one message a line. Kinds: ${answer.kinds.map((kind) => `\`${kind}\``).join(', ')}. An error that comes later is the last frame (\`event: error\`, or \`{"error": …}\`), of the schema Error.`,
      headers: headersOf(200),
      content: {
        'text/event-stream': { schema: { type: 'string' }, 'x-item-schema': item, example: frame },
        'application/x-ndjson': { schema: { type: 'string' }, 'x-item-schema': item, example: `${line}\n` },
        ...(answer.text === undefined ? {} : { 'text/plain': { schema: { type: 'string' } } }),
      },
    },
  };
}

/** A status that both a message and an error may come with is described once, with either body. */
function together(successes: Json, errors: Json, shared: ReadonlyMap<string, Json>): Json {
  const both = Object.keys(successes).filter((status) => status in errors);
  const merged = both.map((status) => {
    const success = successes[status] as { content: Record<string, Json> } & Json;
    const error = resolved(errors[status] as Json, shared);
    const { schema, example } = success.content['application/json'] ?? {};
    const examples = (error['content'] as Record<string, Json>)['application/json']?.['examples'] as Json;
    const content = {
      'application/json': {
        schema: { anyOf: [schema, { $ref: '#/components/schemas/Error' }] },
        examples: { message: { value: example }, ...examples },
      },
    };
    return [status, { ...success, 'x-error-reasons': error['x-error-reasons'], content }] as const;
  });
  return { ...successes, ...errors, ...Object.fromEntries(merged) };
}

function resolved(response: Json, shared: ReadonlyMap<string, Json>): Json {
  return shared.get(String(response['$ref']).replace('#/components/responses/', '')) ?? response;
}

export function securityOf(scope: string | undefined): Json {
  return scope === undefined ? { security: [{}, { bearer: [] }] } : { security: [{ bearer: [scope] }], 'x-required-scope': scope };
}

/** How a method is called in this document; further routes of it are numbered. */
function operationId(route: Route, index: number): string {
  const { name } = route.method.desc;
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}${index === 0 ? '' : `_${index + 1}`}`;
}

/** `index` counts the routes of one method. */
export function operationOf(route: Route, index: number, tools: Tools): Json {
  const { method, body } = route;
  const { desc } = method;
  const text = commentOf(desc);
  const stream = method.stream ? (streamAnswers[method.path] ?? { kinds: [] }) : undefined;
  const resume: DescField | undefined = stream?.resumeField === undefined ? undefined : fieldNamed(desc.input, stream.resumeField);
  const reasons = reasonsOf(method, body !== 'none');
  for (const reason of reasons) tools.reasons.add(reason);
  const successes = stream === undefined ? unaryResponses(route, tools) : streamResponse(route, stream, tools);
  const errors = errorResponses(reasons, tools.responses);
  const parameters = parametersOf(route, tools.schemas, resume);
  return {
    operationId: operationId(route, index),
    tags: [desc.parent.name],
    summary: summaryOf(text),
    description: text,
    ...securityOf(method.scope),
    'x-grpc-method': method.path.slice(1),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...requestBody(route, tools),
    responses: together(successes, errors, tools.responses),
  };
}
