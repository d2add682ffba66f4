/** An HTTP request -> the message of its method, by the route's rule: path, body, query. */
import { create, type DescField, type DescMessage, type JsonObject, type JsonValue, type Message } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { hasBody, header } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';
import { type BodyLimits, checkMediaType, decodeText, mediaTypeOf, parseBody, readBody } from './body.ts';
import { decodeJson, fieldNamed } from './decode.ts';
import { rawDocuments } from './documents.ts';
import { mapQuery } from './query.ts';
import type { Route } from './router.ts';

/** The request as it came, before anything of it was believed. */
export interface Incoming {
  readonly req: HttpRequest;
  readonly route: Route;
  /** Captures of the path, still percent-encoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly limits: BodyLimits;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function percentDecoded(field: string, text: string): string {
  try {
    return text.split('/').map(decodeURIComponent).join('/');
  } catch {
    throw invalid([{ field, message: 'is badly percent-encoded', rule: 'path' }]);
  }
}

function setPath(json: JsonObject, desc: DescMessage, field: string, text: string): void {
  const [name = '', ...rest] = field.split('.');
  if (rest.length === 0) {
    const known = fieldNamed(desc, name);
    for (const alias of known === undefined ? [] : [known.name, known.jsonName]) {
      if (Object.hasOwn(json, alias) && json[alias] !== text) {
        throw invalid([{ field: alias, message: 'says something else than the path', rule: 'path' }]);
      }
      delete json[alias];
    }
    json[name] = text;
    return;
  }
  const child = json[name];
  const next: JsonObject = isObject(child) ? child : {};
  json[name] = next;
  const message = fieldNamed(desc, name)?.message;
  if (message !== undefined) setPath(next, message, rest.join('.'), text);
}

/** What the body says of the request: its JSON, or the one field that a raw document is. */
async function bodyFields({ req, route, limits }: Incoming): Promise<JsonObject> {
  if (route.body === '') return {};
  const raw = rawDocuments[route.method.path];
  if (hasBody(req)) checkMediaType(req, ['application/json', ...(raw?.types ?? [])]);
  const bytes = hasBody(req) ? await readBody(req, limits.messageBytes) : Buffer.alloc(0);
  if (bytes.byteLength > 0) {
    return raw?.types.includes(mediaTypeOf(req)) ? { [raw.field]: decodeText(bytes) } : withBody(route, parseBody(bytes, limits));
  }
  // With `*` every field may be absent or come from the path; what is required is asked for by the rules.
  if (route.body === '*') return {};
  throw new AgentError('MALFORMED_BODY', `the body is empty: ${route.httpMethod} ${route.template} needs one`);
}

function withBody(route: Route, body: JsonValue): JsonObject {
  if (route.body === '*') {
    if (isObject(body)) return body;
    throw invalid([{ field: 'body', message: 'must be a JSON object', rule: 'json' }]);
  }
  const field = fieldNamed(route.method.desc.input, route.body);
  if (field?.fieldKind === 'message' && !isObject(body)) {
    throw invalid([{ field: 'body', message: 'must be a JSON object', rule: 'json' }]);
  }
  return { [route.body]: body };
}

function queryOf(req: HttpRequest): URLSearchParams {
  const { url = '' } = req;
  const mark = url.indexOf('?');
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
}

/**
 * Masks of the query, by field: keys as they stand, comma-separated or repeated. They go around the JSON form of a mask, which carries
 * neither capitals nor hyphens, and ids and names of variables have both.
 */
function takeMasks(query: URLSearchParams, desc: DescMessage): ReadonlyMap<DescField, string[]> {
  const masks = new Map<DescField, string[]>();
  for (const field of desc.fields) {
    if (field.fieldKind !== 'message' || field.message.typeName !== FieldMaskSchema.typeName) continue;
    const given = [field.name, field.jsonName].flatMap((name) => query.getAll(name));
    const paths = given.flatMap((text) => text.split(',')).map((path) => path.trim());
    for (const name of [field.name, field.jsonName]) query.delete(name);
    if (given.length > 0)
      masks.set(
        field,
        paths.filter((path) => path !== ''),
      );
  }
  return masks;
}

/** What `If-Match` says: `"x"`, `W/"x"` or bare; empty for none and for `*`. Throws INVALID_REQUEST for a list. */
function etagOf(req: HttpRequest): string {
  const text = (header(req, 'if-match') ?? '').trim();
  if (text === '*') return '';
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(text)?.[1] ?? text;
  if (!/[",\s]/.test(tag)) return tag;
  throw invalid([{ field: 'If-Match', message: 'takes one etag', rule: 'header' }]);
}

/** Throws AgentError. `extra` are fields that come by headers; they go before the query's. */
export async function requestMessage(incoming: Incoming, extra: Readonly<JsonObject> = {}): Promise<Message> {
  const { req, route, params } = incoming;
  const desc = route.method.desc.input;
  const json = await bodyFields(incoming);
  const query = queryOf(req);
  for (const [name, value] of Object.entries(extra)) {
    const field = fieldNamed(desc, name);
    for (const alias of field === undefined ? [] : [field.name, field.jsonName]) query.delete(alias);
    json[name] = value;
  }
  const raw = rawDocuments[route.method.path]?.field;
  const taken = new Set([
    ...Object.keys(params),
    ...(route.body === '' || route.body === '*' ? [] : [route.body]),
    ...(raw === undefined ? [] : [raw]),
  ]);
  const masks = takeMasks(query, desc);
  mapQuery(query, json, { desc, taken });
  for (const [field, text] of Object.entries(params)) setPath(json, desc, field, percentDecoded(field, text));
  if (fieldNamed(desc, 'etag') !== undefined) json['etag'] ??= etagOf(req);
  const message = decodeJson(desc, json);
  for (const [field, paths] of masks) Reflect.set(message, field.localName, create(FieldMaskSchema, { paths }));
  return message;
}
