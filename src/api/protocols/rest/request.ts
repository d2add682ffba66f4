/** An HTTP request -> the message of its method, by the route's rule: path, body, query. */
import { create, type DescField, type DescMessage, type JsonObject, type JsonValue, type Message } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { AgentError, invalid } from '../../../kernel/errors.ts';
import { roundedNumber } from '../../../kernel/exact-number.ts';
import { isObject } from '../../../kernel/is-object.ts';
import type { Settings } from '../../../settings/types.ts';
import { readBody } from '../../transports/body.ts';
import { type Exchange, header, mediaTypeOf } from '../../transports/exchange.ts';
import { checkMediaType, decodeText, parseJson } from './body.ts';
import { decodeJson } from './decode.ts';
import { mapQuery } from './query.ts';
import type { PathField, Route } from './route.ts';

export type RestLimits = Pick<Settings['api']['limits'], 'messageBytes' | 'jsonDepth'>;

/** The request as it came, before anything of it was believed. */
interface Incoming {
  readonly exchange: Exchange;
  readonly route: Route;
  /** Captures of the path, still percent-encoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly limits: RestLimits;
}

function percentDecoded(field: string, text: string): string {
  if (!text.includes('%')) return text;
  try {
    return text.split('/').map(decodeURIComponent).join('/');
  } catch {
    throw invalid([{ field, message: 'is badly percent-encoded', rule: 'path' }]);
  }
}

/** Puts what the path says at its place; a body that says something else is refused. */
function setPath(json: JsonObject, { name, fields }: PathField, encoded: string): void {
  const text = percentDecoded(name, encoded);
  let at = json;
  for (const field of fields.slice(0, -1)) {
    const child = at[field.name];
    const next: JsonObject = isObject(child) ? child : {};
    at[field.name] = next;
    at = next;
  }
  const last = fields.at(-1);
  for (const alias of last === undefined ? [] : [last.name, last.jsonName]) {
    if (Object.hasOwn(at, alias) && at[alias] !== text) {
      throw invalid([{ field: alias, message: 'says something else than the path', rule: 'path' }]);
    }
    delete at[alias];
  }
  if (last !== undefined) at[last.name] = text;
}

/** Whether a body of this media type is the bare document. */
function isDocument(types: readonly string[] | 'any', media: string): boolean {
  return types === 'any' ? media !== '' && media !== 'application/json' : types.includes(media);
}

/** What the body says of the request: its JSON, or the one field that a raw document is. */
async function bodyFields({ exchange, route, limits }: Incoming): Promise<JsonObject> {
  if (route.body === 'none') return {};
  const { document } = route;
  const raw = document !== undefined && isDocument(document.types, mediaTypeOf(exchange)) ? document : undefined;
  if (exchange.hasBody) checkMediaType(exchange, raw === undefined ? ['application/json'] : [mediaTypeOf(exchange)]);
  const bytes = exchange.hasBody ? await readBody(exchange, limits.messageBytes) : Buffer.alloc(0);
  if (bytes.byteLength > 0) {
    if (raw !== undefined) return { [raw.field]: decodeText(bytes) };
    const body = parseJson(bytes, limits.jsonDepth);
    if (isOpenDocument(route.body)) refuseRounded(decodeText(bytes));
    return withBody(route.body, body);
  }
  // Where the body is all of the request every field may be absent or come from the path; what is required the rules ask for.
  if (route.body === 'all') return {};
  throw new AgentError('MALFORMED_BODY', `the body is empty: ${route.httpMethod} ${route.template} needs one`);
}

/** A body that is a configuration, whose numbers we do not know: one that would be rounded would become another in silence. */
function isOpenDocument(body: Route['body']): boolean {
  return typeof body === 'object' && body.fieldKind === 'message' && body.message.typeName === 'google.protobuf.Struct';
}

function refuseRounded(json: string): void {
  const number = roundedNumber(json);
  if (number === undefined) return;
  const message = `${number.slice(0, 64)} would be rounded: write it with fewer digits, or as a text`;
  throw invalid([{ field: 'body', message, rule: 'number' }]);
}

function withBody(field: 'all' | DescField, body: JsonValue): JsonObject {
  const needsObject = field === 'all' || field.fieldKind === 'message';
  if (needsObject && !isObject(body)) throw invalid([{ field: 'body', message: 'must be a JSON object', rule: 'json' }]);
  if (field !== 'all') return { [field.name]: body };
  return isObject(body) ? body : {};
}

/**
 * Masks of the query, by field: keys as they stand, comma-separated or repeated. They go around the JSON form of a mask, which carries
 * neither capitals nor hyphens, and ids and names of variables have both.
 */
function takeMasks(query: URLSearchParams, masks: readonly DescField[]): ReadonlyMap<DescField, string[]> {
  const found = new Map<DescField, string[]>();
  for (const field of masks) {
    const given = [field.name, field.jsonName].flatMap((name) => query.getAll(name));
    const paths = given.flatMap((text) => text.split(',')).map((path) => path.trim());
    for (const name of [field.name, field.jsonName]) query.delete(name);
    const named = paths.filter((path) => path !== '');
    if (given.length > 0) found.set(field, named);
  }
  return found;
}

/** What `If-Match` says: `"x"`, `W/"x"` or bare; empty for none and for `*`. Throws INVALID_REQUEST for a list and for nothing at all. */
function ifMatch(exchange: Exchange): string {
  const given = header(exchange, 'if-match');
  if (given === undefined || given.trim() === '*') return '';
  const text = given.trim();
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(text)?.[1] ?? text;
  if (tag === '') throw invalid([{ field: 'If-Match', message: 'is empty: give the etag, or * for any', rule: 'header' }]);
  if (!/[",\s]/.test(tag)) return tag;
  throw invalid([{ field: 'If-Match', message: 'takes one etag', rule: 'header' }]);
}

/** An empty etag beside the header says nothing; two that differ are a mistake. */
function setEtag(json: JsonObject, field: DescField, exchange: Exchange): void {
  const wanted = ifMatch(exchange);
  const given = json[field.name] ?? '';
  if (wanted === '') return;
  if (given !== '' && given !== wanted) throw invalid([{ field: 'etag', message: 'says something else than If-Match', rule: 'header' }]);
  json[field.name] = wanted;
}

/** A field that comes by a header; it goes before the query's. */
type FromHeader = { readonly field: DescField; readonly value: string };

/** Of types without a field: there is but one message of such a type. */
const blanks = new WeakMap<DescMessage, Message>();

function blank(desc: DescMessage): Message {
  const known = blanks.get(desc);
  if (known !== undefined) return known;
  const made = create(desc);
  if (desc.fields.length === 0) blanks.set(desc, Object.freeze(made));
  return made;
}

/** The message of a request that says nothing but its path; undefined for others. */
export function bareMessage({ exchange, route }: Incoming, extra: FromHeader | undefined): Message | undefined {
  const bare = route.body === 'none' && route.path.length === 0 && route.etag === undefined && extra === undefined;
  return bare && !exchange.target.includes('?') ? blank(route.method.desc.input) : undefined;
}

/** Throws AgentError. */
export async function requestMessage(incoming: Incoming, extra: FromHeader | undefined): Promise<Message> {
  const { exchange, route, params } = incoming;
  const desc = route.method.desc.input;
  const mark = exchange.target.indexOf('?');
  const json = await bodyFields(incoming);
  const query = new URLSearchParams(mark < 0 ? '' : exchange.target.slice(mark + 1));
  if (extra !== undefined) {
    for (const alias of [extra.field.name, extra.field.jsonName]) query.delete(alias);
    json[extra.field.name] = extra.value;
  }
  const masks = takeMasks(query, route.masks);
  mapQuery(query, json, { desc, taken: route.taken });
  for (const field of route.path) setPath(json, field, params[field.name] ?? '');
  if (route.etag !== undefined) setEtag(json, route.etag, exchange);
  const message = decodeJson(desc, json);
  for (const [field, paths] of masks) Reflect.set(message, field.localName, create(FieldMaskSchema, { paths }));
  return message;
}
