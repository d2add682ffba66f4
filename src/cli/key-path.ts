export type Document = Readonly<Record<string, unknown>>;

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The names of a dotted key, by what the document has: the id of a unit may hold dots itself, so that the longest name that is there
 * goes before a shorter one. What the document does not have is split at every dot.
 */
export function keyPath(document: unknown, key: string): readonly string[] {
  const parts = key.split('.');
  for (let n = parts.length; n > 0; n--) {
    const name = parts.slice(0, n).join('.');
    if (!isDocument(document) || !Object.hasOwn(document, name)) continue;
    return n === parts.length ? [name] : [name, ...keyPath(document[name], parts.slice(n).join('.'))];
  }
  return parts;
}

/** What stands there; undefined where nothing does. */
export function valueOfKey(document: unknown, key: string): unknown {
  return keyPath(document, key).reduce((at, name) => (isDocument(at) && Object.hasOwn(at, name) ? at[name] : undefined), document);
}

/** A document that says these keys alone, as JSON (which is YAML); each value is JSON already. */
export function jsonWith(entries: readonly { readonly path: readonly string[]; readonly json: string }[]): string {
  const root: Tree = new Map();
  for (const { path, json } of entries) {
    let at = root;
    for (const name of path.slice(0, -1)) {
      const child = at.get(name);
      const next: Tree = child instanceof Map ? child : new Map();
      at.set(name, next);
      at = next;
    }
    at.set(path.at(-1) ?? '', json);
  }
  const written = (tree: Tree): string =>
    `{${[...tree].map(([name, value]) => `${JSON.stringify(name)}: ${typeof value === 'string' ? value : written(value)}`).join(', ')}}`;
  return written(root);
}

interface Tree extends Map<string, string | Tree> {}

/** Scalars and lists by dotted key, in the order of the document. */
export function leavesOf(document: unknown, above = ''): readonly { readonly key: string; readonly value: unknown }[] {
  if (!isDocument(document) || Object.keys(document).length === 0) return above === '' ? [] : [{ key: above, value: document }];
  return Object.entries(document).flatMap(([name, value]) => leavesOf(value, above === '' ? name : `${above}.${name}`));
}
