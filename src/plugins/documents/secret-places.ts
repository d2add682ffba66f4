import type { Json, JsonObject } from '../../events/types.ts';
import { type SchemaPlace, schemaPlaces } from './secret-schema.ts';
import { createSecrets } from './secrets.ts';

/** What says where secrets stand. */
interface Declared {
  readonly schema: JsonObject | undefined;
  readonly secretPaths: readonly string[];
}

/** Beyond this many places everything of the plugin counts as secret: better one `***` too many. */
const mostPlaces = 1000;
const mostDepth = 24;
/** A name that no schema spells out: what holds for it holds for all the others. */
const anyKey = '\0';

/** The places of secrets that a schema declares, as secret paths; `*` is any name or item. A schema that holds itself counts as secret where it does. */
export function declaredPlaces(schema: JsonObject | undefined): readonly string[] {
  const places: string[] = [];
  const walk = (place: SchemaPlace, path: readonly string[], above: readonly SchemaPlace[]): void => {
    if (places.length > mostPlaces) return;
    if (path.length > 0 && (place.secret || above.includes(place) || above.length >= mostDepth)) {
      places.push(path.join('.'));
      return;
    }
    for (const key of place.keys()) walk(place.child(key), [...path, key === anyKey ? '*' : String(key)], [...above, place]);
  };
  walk(schemaPlaces(schema), [], []);
  return places.length > mostPlaces ? ['*'] : places;
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
  const shown: Json = createSecrets(undefined, [path]).masked(document);
  return JSON.stringify(shown) !== JSON.stringify(createSecrets(undefined, []).masked(document));
}
