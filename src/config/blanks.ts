import { blockYaml, guardSize, setAt } from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import { isObject } from '../kernel/is-object.ts';
import { isOnTheWay } from '../settings/index.ts';
import { canonical } from './leaves.ts';
import { judgeAsDocument } from './refusals.ts';
import type { Load } from './room.ts';

/**
 * Keys of a document that say nothing (`{}`, null) never reach a file, so they are judged by themselves: an unknown one is a mistake, and
 * so is a unit without keys. Throws RefusedError.
 */
export function judgeBlanks(
  document: JsonObject,
  isAsked: (path: readonly string[]) => boolean,
  judge: { load: Load; paths: readonly string[] },
): void {
  const blanks: JsonObject = {};
  const walk = (value: Json, path: readonly string[]): void => {
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [name, inner] of Object.entries(value)) walk(inner, [...path, name]);
    } else if (path.length > 0 && (value === null || isObject(value)) && isAsked(path)) {
      if (!isWithinUnit(path)) setAt(blanks, path, value);
      else if (!isOnTheWay(canonical(path))) setInUnit(blanks, path, value);
    }
  };
  walk(document, []);
  const [first, ...others] = judge.paths;
  if (first === undefined || Object.keys(blanks).length === 0) return;
  const text = blockYaml(blanks, 2);
  guardSize(text);
  judgeAsDocument(() => judge.load(new Map([[first, text], ...others.map((path) => [path, ''] as const)])), judge.paths, 0);
}

/** An unknown key, in a unit that is whole without it. */
function setInUnit(blanks: JsonObject, path: readonly string[], value: Json): void {
  setAt(blanks, [...path.slice(0, 3), 'command'], ['true']);
  setAt(blanks, path, value);
}

/** The other keys of the unit say whether it is whole. */
function isWithinUnit(path: readonly string[]): boolean {
  const [, group, , ...rest] = canonical(path);
  return group === 'units' && rest.length > 0;
}
