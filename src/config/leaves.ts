import type { Json, JsonObject } from '../events/types.ts';
import { isObject } from '../kernel/is-object.ts';
import { keyTypeAt } from '../settings/index.ts';
import { aliases } from '../settings/keys.ts';

/** What is no mapping: a scalar or a list. Empty mappings and nulls say nothing and are none, but where `{}` is all that a key can say. */
export interface Leaf {
  /** By the names of today, whatever the document calls them. */
  readonly path: readonly string[];
  /** As the document has it: differs where it uses an older name. */
  readonly actual: readonly string[];
  readonly value: Json;
}

/** By `leafKey`: ids may have dots in them, so dotted paths are for people alone. */
export type Leaves = ReadonlyMap<string, Leaf>;

const older = [...aliases].map(([from, to]) => ({ from: from.split('.'), to: to.split('.') }));

export function leafKey(path: readonly string[]): string {
  return path.join('\0');
}

function startsWith(path: readonly string[], head: readonly string[]): boolean {
  return head.every((name, index) => path[index] === name);
}

/** `api.limits: {…}` says the same as `api: {limits: {…}}`; an id, or the name of a variable, is one name whatever is in it. */
function spelledOut(actual: readonly string[]): readonly string[] {
  if (!actual.some((name) => name.includes('.'))) return actual;
  const path: string[] = [];
  for (const name of actual) {
    const isId = path.length === 2 && path[1] === 'units';
    const free = path.includes('env') || path.includes('headers');
    path.push(...(isId || free ? [name] : name.split('.')));
  }
  return path;
}

export function canonical(actual: readonly string[]): readonly string[] {
  const path = spelledOut(actual);
  const alias = older.find(({ from }) => startsWith(path, from));
  return alias === undefined ? path : [...alias.to, ...path.slice(alias.from.length)];
}

/** A path in the names that the document uses already. */
export function asNamedIn(document: JsonObject, path: readonly string[]): readonly string[] {
  for (const { from, to } of older) {
    if (!startsWith(path, to)) continue;
    let at: Json | undefined = document;
    for (const name of from) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    if (at !== undefined) return [...from, ...path.slice(to.length)];
  }
  return path;
}

/** `probes.readiness.engine: {}`: the key is there, or it is not. */
function isWhole(value: JsonObject, actual: readonly string[]): boolean {
  return Object.keys(value).length === 0 && keyTypeAt(canonical(actual))?.kind === 'empty';
}

export function leavesOf(document: JsonObject): Leaves {
  const leaves = new Map<string, Leaf>();
  const walk = (value: Json, actual: readonly string[]): void => {
    if (isObject(value) && !isWhole(value, actual)) {
      for (const [name, inner] of Object.entries(value)) walk(inner, [...actual, name]);
    } else if (value !== null && actual.length > 0) {
      const path = canonical(actual);
      leaves.set(leafKey(path), { path, actual, value });
    }
  };
  walk(document, []);
  return leaves;
}
