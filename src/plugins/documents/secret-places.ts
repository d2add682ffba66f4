import { maskObject, secretPlaces } from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import { type SchemaPlace, schemaPlaces } from '../schemas/secret-schema.ts';

/** What says where secrets stand. */
interface Declared {
  readonly schema: JsonObject | undefined;
  readonly secretPaths: readonly string[];
}

/** Beyond this everything of the plugin counts as secret: better one `***` too many. */
const mostPlaces = 1000;
const mostSteps = 5000;
const mostDepth = 24;
const everything = ['*'];

/** The places of secrets that a schema declares, as secret paths; `*` is any name or item. Where a schema holds itself, all below counts. */
export function declaredPlaces(schema: JsonObject | undefined): readonly string[] {
  if (!/"writeOnly":true|"format":"password"/.test(JSON.stringify(schema ?? {}))) return [];
  const places = new Set<string>();
  let steps = 0;
  const walk = (place: SchemaPlace, path: readonly string[], above: readonly SchemaPlace[]): void => {
    steps += 1;
    if (steps > mostSteps || places.size > mostPlaces) return;
    if (path.length > 0 && (place.secret || above.includes(place) || above.length >= mostDepth)) {
      places.add(path.join('.'));
      return;
    }
    for (const { step, place: next } of place.below()) walk(next, [...path, /[.[\]]/.test(step) ? '*' : step], [...above, place]);
  };
  walk(schemaPlaces(schema), [], []);
  return steps > mostSteps || places.size > mostPlaces ? everything : [...places];
}

/**
 * The secret paths of a plugin that registers anew: those that it brings, and every place that was secret before and would be no more.
 * Only who may change configuration (`mayUnmask`) takes one away, and only where nothing is stored at it.
 */
export function secretPathsAfter(
  before: Declared & { readonly document: JsonObject | undefined; readonly hasBackups: boolean },
  now: Declared & { readonly mayUnmask: boolean },
): readonly string[] {
  const brought = new Set([...now.secretPaths, ...declaredPlaces(now.schema)]);
  const gone = [...new Set([...before.secretPaths, ...declaredPlaces(before.schema)])].filter((path) => !brought.has(path));
  const kept = now.mayUnmask && !before.hasBackups ? gone.filter((path) => holds(before.document, path)) : gone;
  return [...now.secretPaths, ...kept.filter((path) => !now.secretPaths.includes(path))];
}

/** Whether a document has something at a secret path. */
function holds(document: JsonObject | undefined, path: string): boolean {
  if (document === undefined) return false;
  const shown = maskObject(document, secretPlaces({ paths: [path] }));
  return JSON.stringify(shown) !== JSON.stringify(maskObject(document, secretPlaces({})));
}
