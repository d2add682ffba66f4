import type { Json, JsonObject } from '../events/types.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A copy; `__proto__` and its like are keys as any other. */
function withKey(object: JsonObject, name: string, value: Json): JsonObject {
  return Object.fromEntries([...Object.entries(object).filter(([key]) => key !== name), [name, value]]);
}

export function valueAt(object: JsonObject, path: readonly string[]): Json | undefined {
  let at: Json | undefined = object;
  for (const name of path) at = isObject(at) ? own(at, name) : undefined;
  return at;
}

/** A copy with `value` at `path`; what is no mapping on the way is replaced by one. */
export function withPath(object: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [name = '', ...rest] = path;
  if (rest.length === 0) return withKey(object, name, value);
  const inner = own(object, name);
  return withKey(object, name, withPath(isObject(inner) ? inner : {}, rest, value));
}

/** A copy without the leaf, and without the mappings that held nothing else. */
export function withoutPath(object: JsonObject, path: readonly string[]): JsonObject {
  const [name = '', ...rest] = path;
  const inner = own(object, name);
  const without = Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
  if (rest.length === 0 || inner === undefined) return without;
  if (!isObject(inner)) return object;
  const left = withoutPath(inner, rest);
  return Object.keys(left).length === 0 ? without : withKey(object, name, left);
}
