import type { Json, JsonObject } from '../../events/types.ts';
import { isObject } from '../../kernel/is-object.ts';
import { schemaPattern } from './schema-pattern.ts';

/** What a schema says about one place of a document: all the subschemas that may hold there. */
export interface SchemaPlace {
  readonly secret: boolean;
  child(key: string | number): SchemaPlace;
  /** All places right below that it says anything of; the step `*` stands for names and items that it does not spell out. */
  below(): readonly { readonly step: string; readonly place: SchemaPlace }[];
}

type Schemas = readonly JsonObject[];

const nothing: SchemaPlace = { secret: false, child: () => nothing, below: () => [] };
/** Stands for what cannot be known: better one `***` too many. */
const opaque: JsonObject = { writeOnly: true };
const subschemaLists = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const;
const inPlace = ['if', 'then', 'else'] as const;

/**
 * Walks a schema beside a document and finds the secrets it declares (`writeOnly: true`, `format: password`). Every branch counts,
 * also of anyOf and if: which of them holds may hang on the secret itself.
 */
export function schemaPlaces(schema: JsonObject | undefined): SchemaPlace {
  if (schema === undefined) return nothing;
  const resolve = createResolver(schema);
  const expanded = new WeakMap<JsonObject, Schemas>();
  const places = new WeakMap<Schemas, SchemaPlace>();
  const expand = (one: JsonObject): Schemas => {
    const known = expanded.get(one) ?? expandSchema(one, resolve);
    expanded.set(one, known);
    return known;
  };
  const placeOf = (schemas: Schemas): SchemaPlace => {
    if (schemas.length === 0) return nothing;
    const known = places.get(schemas);
    if (known) return known;
    const children = new Map<string | number, SchemaPlace>();
    const place: SchemaPlace = {
      secret: schemas.some((s) => s['writeOnly'] === true || s['format'] === 'password'),
      child(key) {
        const before = children.get(key);
        if (before) return before;
        const below = union(
          schemas.flatMap((s) => childrenOf(s, key)),
          expand,
        );
        const child = placeOf(below);
        if (children.size < 1024) children.set(key, child);
        return child;
      },
      below() {
        const named = [...new Set(schemas.flatMap((s) => Object.keys(objectOf(s['properties']))))];
        const others = schemas.flatMap(unnamedOf).filter((schema) => isObject(schema));
        const steps = named.map((step) => ({ step, place: place.child(step) }));
        return others.length === 0 ? steps : [...steps, { step: '*', place: placeOf(union(others, expand)) }];
      },
    };
    places.set(schemas, place);
    return place;
  };
  return placeOf(expand(schema));
}

function union(schemas: Schemas, expand: (one: JsonObject) => Schemas): Schemas {
  const [first] = schemas;
  if (first && schemas.length === 1) return expand(first);
  return [...new Set(schemas.flatMap(expand))];
}

/** A schema, and all that hold at the same place with it. */
function expandSchema(schema: JsonObject, resolve: (ref: string, from: JsonObject) => JsonObject): Schemas {
  const found = new Set<JsonObject>([schema]);
  const add = (value: Json | undefined): void => {
    if (isObject(value)) found.add(value);
  };
  // A Set is walked in the order of insertion, and what is added on the way comes too.
  for (const one of found) {
    for (const key of ['$ref', '$dynamicRef', '$recursiveRef']) {
      const ref = one[key];
      if (typeof ref === 'string') found.add(resolve(ref, one));
    }
    for (const key of subschemaLists) if (key !== 'prefixItems') for (const sub of listOf(one[key])) add(sub);
    for (const key of inPlace) add(one[key]);
    for (const key of ['dependentSchemas', 'dependencies']) for (const sub of Object.values(objectOf(one[key]))) add(sub);
  }
  return [...found];
}

function childrenOf(schema: JsonObject, key: string | number): JsonObject[] {
  const children = typeof key === 'number' ? itemsOf(schema, key) : propertiesOf(schema, key);
  return children.filter((schema) => isObject(schema));
}

function unnamedOf(schema: JsonObject): (Json | undefined)[] {
  const { items, prefixItems, additionalItems, contains, unevaluatedItems, patternProperties } = schema;
  const { additionalProperties, unevaluatedProperties } = schema;
  return [
    ...[items].flat(),
    ...listOf(prefixItems),
    ...Object.values(objectOf(patternProperties)),
    ...[additionalItems, contains, unevaluatedItems, additionalProperties, unevaluatedProperties],
  ];
}

/** The first items by place: `prefixItems`, and before draft 2020-12 `items` as a list, with `additionalItems` for the rest. */
function itemsOf(schema: JsonObject, index: number): (Json | undefined)[] {
  const { items, prefixItems, additionalItems, contains, unevaluatedItems } = schema;
  const byPlace = Array.isArray(items) ? [items, additionalItems] : [prefixItems, items];
  const first = listOf(byPlace[0]);
  return [index < first.length ? first[index] : byPlace[1], contains, unevaluatedItems];
}

function propertiesOf(schema: JsonObject, key: string): (Json | undefined)[] {
  const properties = objectOf(schema['properties']);
  const named = Object.hasOwn(properties, key) ? [properties[key]] : [];
  const patterns = Object.entries(objectOf(schema['patternProperties'])).filter(([pattern]) => mayMatch(pattern, key));
  const found = [...named, ...patterns.map(([, sub]) => sub)];
  const sure = named.length > 0 || patterns.some(([pattern]) => simple.test(pattern));
  return sure ? found : [...found, schema['additionalProperties'], schema['unevaluatedProperties']];
}

/** Patterns that cost no more than the length of the name; at most one of their parts repeats. */
const simple = /^\^?(?:[\w :/@-]|\\[.\-_/]){0,100}(?:(?:\.|\[[\w-]{1,50}\])[*+])?(?:[\w :/@-]|\\[.\-_/]){0,100}\$?$/;

/** A pattern that could take for ever is not tried: it counts as fitting. */
function mayMatch(pattern: string, key: string): boolean {
  if (!simple.test(pattern)) return true;
  try {
    return schemaPattern(pattern).test(key.slice(0, 256));
  } catch {
    return true;
  }
}

/** Finds what `$ref` names inside the schema: pointers, anchors, and resources with an `$id` of their own. */
function createResolver(root: JsonObject): (ref: string, from: JsonObject) => JsonObject {
  const bases = new WeakMap<JsonObject, string>();
  const named = new Map<string, JsonObject>();
  const visit = (value: Json, base: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, base);
    if (!isObject(value)) return;
    const id = value['$id'];
    // Before draft 2019-09 an anchor was an `$id` of a fragment alone.
    const anchor = typeof id === 'string' && id.startsWith('#') ? id.slice(1) : '';
    const own = (typeof id === 'string' && anchor === '' ? absolute(id, base) : undefined) ?? base;
    if (anchor !== '') named.set(`${bare(own)}#${anchor}`, value);
    if (own !== base || value === root) named.set(bare(own), value);
    for (const key of ['$anchor', '$dynamicAnchor']) if (typeof value[key] === 'string') named.set(`${bare(own)}#${value[key]}`, value);
    bases.set(value, own);
    for (const item of Object.values(value)) visit(item, own);
  };
  visit(root, 'plugin:///');
  return (ref, from) => {
    const target = absolute(ref, bases.get(from) ?? 'plugin:///');
    if (target === undefined) return opaque;
    const [resource = '', fragment = ''] = target.split('#');
    if (fragment !== '' && !fragment.startsWith('/')) return named.get(`${resource}#${fragment}`) ?? opaque;
    const found = pointer(named.get(resource), fragment);
    return isObject(found) ? found : typeof found === 'boolean' ? {} : opaque;
  };
}

function pointer(from: Json | undefined, fragment: string): Json | undefined {
  let value = from;
  for (const step of fragment.split('/').slice(1)) {
    const key = unescaped(step).replaceAll('~1', '/').replaceAll('~0', '~');
    value = typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined;
  }
  return value;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function absolute(ref: string, base: string): string | undefined {
  return URL.parse(ref, base)?.href;
}

function bare(uri: string): string {
  return uri.split('#')[0] ?? uri;
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
