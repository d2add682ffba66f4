import type { Json, JsonObject } from '../../events/types.ts';
import type { Violation } from '../../kernel/errors.ts';
import { mask, redactText, standardRedactor } from '../../kernel/redaction.ts';
import { limits } from './limits.ts';
import { type SchemaPlace, schemaPlaces } from './secret-schema.ts';

/** Knows where in the documents of one plugin secrets stand: by its schema, by its `secret_paths`, and by their names. */
export interface Secrets {
  masked(config: JsonObject): JsonObject;
  /** `text` (what a plugin says) without the secrets of its document, and without what else looks like one. */
  textWithout(text: string, config: JsonObject | undefined): string;
  /**
   * Puts the stored secrets where `config` has `***` for them. In lists the counterpart of an item is the one with the same `id` or
   * `name`, else, in a list of the same length, the one at the same place. Violations name every `***` that stands for nothing.
   */
  merged(config: JsonObject, stored: JsonObject | undefined): { readonly config: JsonObject; readonly violations: readonly Violation[] };
}

type Path = readonly string[];

/** A place of a document, and what is known of it. */
interface Place {
  readonly schema: SchemaPlace;
  /** What is left of the secret paths that lead here. */
  readonly paths: readonly Path[];
  /** Its own name; undefined for an item of a list. */
  readonly name: string | undefined;
}

/** Shorter ones stand in too many words. */
const shortestSecret = 4;

export function createSecrets(schema: JsonObject | undefined, secretPaths: readonly string[]): Secrets {
  const root: Place = { schema: schemaPlaces(schema), paths: secretPaths.map(segments).filter((path) => path.length > 0), name: undefined };
  return {
    // The document itself is never `***`, whatever the schema says of its root.
    masked: (config) => mapObject(config, (key, value) => maskValue(value, child(root, key))),
    textWithout(text, config) {
      const values = Object.entries(config ?? {}).flatMap(([key, value]) => secretValues(value, child(root, key)));
      // The longest first: one may be a part of another.
      const known = values.filter((value) => value.length >= shortestSecret && value !== mask).sort((a, b) => b.length - a.length);
      return redactText(known.reduce((all, value) => (all.includes(value) ? all.replaceAll(value, mask) : all), text));
    },
    merged(config, stored) {
      const violations: Violation[] = [];
      const merged = mapObject(config, (key, value) =>
        mergeValue(value, stored && own(stored, key), { place: child(root, key), path: `config.${key.slice(0, 64)}`, violations }),
      );
      return { config: merged, violations: violations.slice(0, limits.violations) };
    },
  };
}

/** `servers[0].password`, `servers[].password`, `servers.*.password` and `servers.password` (every item) are all understood. */
function segments(path: string): Path {
  return path
    .replaceAll(/\[(\*|\d*)\]/g, (_, index: string) => `.${index === '' ? '*' : index}`)
    .split('.')
    .filter((part) => part !== '');
}

function child({ schema, paths }: Place, key: string | number): Place {
  const name = typeof key === 'string' ? key : undefined;
  if (paths.length === 0) return { schema: schema.child(key), paths, name };
  const step = String(key);
  const advanced = paths.flatMap((path) => {
    const [first = '', ...rest] = path;
    if (first === step || first === '*') return [rest];
    // A path that names no index means every item.
    return typeof key === 'number' && path.length > 0 && !/^\d+$/.test(first) ? [path] : [];
  });
  return { schema: schema.child(key), paths: advanced, name };
}

function isSecret(value: Json, { schema, paths, name }: Place): boolean {
  if (value === null || value === '') return false;
  if (schema.secret || paths.some((path) => path.length === 0)) return true;
  return name !== undefined && standardRedactor.isSecret(name, value);
}

function maskValue(value: Json, place: Place): Json {
  if (isSecret(value, place)) return mask;
  if (typeof value === 'string') return standardRedactor.urls(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json, i) => maskValue(item, child(place, i)));
  return mapObject(value as JsonObject, (key, item) => maskValue(item, child(place, key)));
}

function secretValues(value: Json, place: Place): readonly string[] {
  if (isSecret(value, place)) return leaves(value);
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item: Json, i) => secretValues(item, child(place, i)));
  return Object.entries(value).flatMap(([key, item]) => secretValues(item, child(place, key)));
}

function leaves(value: Json): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

interface MergeAt {
  readonly place: Place;
  readonly path: string;
  readonly violations: Violation[];
}

function mergeValue(value: Json, stored: Json | undefined, at: MergeAt): Json {
  if (value === mask) {
    if (stored !== undefined && isSecret(stored, at.place)) return stored;
    at.violations.push(nothingKept(at.path, 'no secret is stored at this place'));
    return value;
  }
  if (typeof value === 'string') return mergeText(value, stored, at);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mergeList(value, Array.isArray(stored) ? stored : undefined, at);
  const before = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? (stored as JsonObject) : undefined;
  return mapObject(value as JsonObject, (key, item) =>
    mergeValue(item, before && own(before, key), { ...at, place: child(at.place, key), path: `${at.path}.${key.slice(0, 64)}` }),
  );
}

function mergeText(value: string, stored: Json | undefined, at: MergeAt): string {
  if (!value.includes(mask) || !value.includes('://')) return value;
  if (typeof stored === 'string' && standardRedactor.urls(stored) === value) return stored;
  if (/:\/\/\*\*\*@|=\*\*\*(?:[&#\s]|$)/.test(value)) {
    at.violations.push(nothingKept(at.path, 'the URL is another than the stored one'));
  }
  return value;
}

function mergeList(list: readonly Json[], stored: readonly Json[] | undefined, at: MergeAt): Json {
  const counterpart = counterparts(list, stored ?? []);
  return list.map((item, i) => {
    const before = at.violations.length;
    const merged = mergeValue(item, counterpart(item, i), { ...at, place: child(at.place, i), path: `${at.path}[${i}]` });
    if (stored !== undefined && stored.length !== list.length) blameList(at.violations, before);
    return merged;
  });
}

/** In a list the reason is the list. */
function blameList(violations: Violation[], from: number): void {
  for (const [i, violation] of violations.entries()) {
    if (i >= from) violations[i] = nothingKept(violation.field, 'the list has another length, and no stored item has the same id or name');
  }
}

/** Finds the stored item that an item of the new list stands for. */
function counterparts(list: readonly Json[], stored: readonly Json[]): (item: Json, index: number) => Json | undefined {
  const named = new Map<string, Json | undefined>();
  for (const item of stored) {
    const identity = identityOf(item);
    // Two of one name are nobody's counterpart.
    if (identity !== undefined) named.set(identity, named.has(identity) ? undefined : item);
  }
  return (item, index) => {
    const identity = identityOf(item);
    // An item that names itself never gets the secret of another, wherever it stands.
    if (identity !== undefined) return named.get(identity);
    return stored.length === list.length ? stored[index] : undefined;
  };
}

/** `id`, else `name`, with its type. */
function identityOf(item: Json): string | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined;
  for (const key of ['id', 'name']) {
    const value = own(item as JsonObject, key);
    if ((typeof value === 'string' && value !== mask && value !== '') || typeof value === 'number')
      return `${key}=${JSON.stringify(value)}`;
  }
  return undefined;
}

function nothingKept(field: string, why: string): Violation {
  return { field, rule: 'secret', message: `*** keeps a stored secret, but ${why}; give the value itself` };
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** fromEntries defines own properties, so that even a key `__proto__` stays what it was. */
function mapObject(object: JsonObject, fn: (key: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, fn(key, value)] as const));
}
