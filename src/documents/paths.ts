import type { Json, JsonObject } from '../events/types.ts';
import { isObject } from '../kernel/is-object.ts';

/** Where a value stands: names of objects, indices of lists. */
export type Keys = readonly (string | number)[];

/** `inbounds[0].listen_port`. */
export function dotted(keys: Keys): string {
  return keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}

/** Names come from outside: a path that is shown has so much of one. */
export function shortKey(key: string | number): string | number {
  return typeof key === 'number' ? key : key.slice(0, 64);
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** `__proto__` and its like are keys as any other. */
export function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function define(object: JsonObject, name: string, value: Json): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** A copy with other values. fromEntries defines own properties, so that even a key `__proto__` stays what it was. */
export function mapObject(object: JsonObject, fn: (key: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, fn(key, value)] as const));
}

export function valueAt(object: JsonObject, path: readonly string[]): Json | undefined {
  let at: Json | undefined = object;
  for (const name of path) at = isObject(at) ? own(at, name) : undefined;
  return at;
}

/** Sets a value in place; what is no mapping on the way is replaced by one. */
export function setAt(object: JsonObject, path: readonly string[], value: Json): void {
  let at = object;
  for (const name of path.slice(0, -1)) {
    const inner = own(at, name);
    const next = isObject(inner) ? inner : {};
    if (next !== inner) define(at, name, next);
    at = next;
  }
  define(at, path.at(-1) ?? '', value);
}

/** Takes a leaf out in place, and the mappings that held nothing else. Answers whether it was there. */
export function removeAt(object: JsonObject, path: readonly string[]): boolean {
  const [name = '', ...rest] = path;
  const inner = own(object, name);
  if (inner === undefined) return false;
  if (rest.length > 0) {
    if (!isObject(inner) || !removeAt(inner, rest)) return false;
    if (Object.keys(inner).length > 0) return true;
  }
  return Reflect.deleteProperty(object, name);
}

/** How many values a document has, mappings and items of lists included; stops counting beyond `most`. */
export function countValues(value: Json, most: number): number {
  let count = 0;
  const walk = (at: Json): void => {
    count += 1;
    if (count > most || typeof at !== 'object' || at === null) return;
    for (const inner of Object.values(at)) walk(inner);
  };
  walk(value);
  return count;
}

/** Whether a value is nested deeper than so many levels. */
export function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((item: Json) => isDeeper(item, levels - 1));
}
