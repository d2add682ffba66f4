/** An HTTP request -> the message of its method, by the route's rule: path, body, query. */
import type { DescMessage, JsonObject, JsonValue, Message } from '@bufbuild/protobuf';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { hasBody } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';
import { type BodyLimits, checkMediaType, parseBody, readBody } from './body.ts';
import { decodeJson, fieldNamed } from './decode.ts';
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

/** The JSON of the body; undefined when there is none. */
async function bodyJson({ req, route, limits }: Incoming): Promise<JsonValue | undefined> {
  if (route.body === '') return undefined;
  if (hasBody(req)) checkMediaType(req);
  const bytes = hasBody(req) ? await readBody(req, limits.messageBytes) : Buffer.alloc(0);
  if (bytes.byteLength > 0) return parseBody(bytes, limits);
  // With `*` every field may be absent or come from the path; what is required is asked for by the rules.
  if (route.body === '*') return {};
  throw new AgentError('MALFORMED_BODY', `the body is empty: ${route.httpMethod} ${route.template} needs one`);
}

function withBody(route: Route, body: JsonValue | undefined): JsonObject {
  if (body === undefined) return {};
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

/** Throws AgentError. `extra` are fields that come by headers; they go before the query's. */
export async function requestMessage(incoming: Incoming, extra: Readonly<JsonObject> = {}): Promise<Message> {
  const { req, route, params } = incoming;
  const desc = route.method.desc.input;
  const json = withBody(route, await bodyJson(incoming));
  const query = queryOf(req);
  for (const [name, value] of Object.entries(extra)) {
    const field = fieldNamed(desc, name);
    for (const alias of field === undefined ? [] : [field.name, field.jsonName]) query.delete(alias);
    json[name] = value;
  }
  const taken = new Set([...Object.keys(params), ...(route.body === '' || route.body === '*' ? [] : [route.body])]);
  mapQuery(query, json, { desc, taken });
  for (const [field, text] of Object.entries(params)) setPath(json, desc, field, percentDecoded(field, text));
  return decodeJson(desc, json);
}
