import { isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type YAMLMap, type YAMLSeq } from 'yaml';
import { isMerge } from './merge-key.ts';
import { MAX_DEPTH } from './nesting.ts';
import { type Place, type Problems, refuse, syntax } from './problems.ts';
import { type Found, isTree, type Tree } from './tree.ts';

const MAX_ALIASES = 100;
/** More than any text within the other limits has by itself: a long list, by a hundred aliases. */
const MAX_NODES = 15_000;

interface Reading {
  readonly file: string;
  readonly lines: LineCounter;
  readonly problems: Problems;
}

/**
 * Turns YAML's nodes into trees. A key that cannot be taken is a problem by itself and left out.
 * @throws RefusedError for what makes the whole file unreadable: too many aliases or values, or an alias of itself.
 */
export function treeReader({ file, lines, problems }: Reading): (contents: YAMLMap) => Tree {
  const follow = aliasFollower();
  const placeOf = (node: unknown, at: Place): Place => ({ file, line: lineOf(node, lines) ?? at.line });
  let nodes = 0;
  const read = (given: unknown, at: Place, path: readonly string[]): Found | Tree => {
    nodes++;
    if (nodes > MAX_NODES) throw refuse(at, path.join('.'), syntax(`more than ${MAX_NODES} values; this is no configuration`));
    return follow(given, { at, path }, (node) => {
      if (isMap(node)) return map(node, at, path);
      return isSeq(node) ? list(node, at, path) : scalar(node, at);
    });
  };
  const list = (node: YAMLSeq, at: Place, path: readonly string[]): Found => {
    const items = node.items.map((item, i) => read(item, placeOf(item, at), [...path.slice(0, -1), `${path.at(-1)}[${i}]`]));
    const scalars = items.map((item) => (isTree(item) || Array.isArray(item.value) ? undefined : item));
    return { ...at, value: scalars.map((item) => (item ? item.value : {})), words: scalars.map((item) => item?.words[0] ?? ''), items };
  };
  const map = (node: YAMLMap, at: Place, path: readonly string[]): Tree => {
    const entries = new Map<string, Found | Tree>();
    for (const { key, value } of node.items.filter((pair) => !isMerge(pair))) {
      const inner = placeOf(key, at);
      const name = problems.attempt(() => newNameOf(key, { at: inner, path, entries }));
      if (name !== undefined) entries.set(name, read(value, inner, [...path, name]));
    }
    for (const merge of node.items.filter(isMerge))
      mergeInto(entries, read(merge.value, placeOf(merge.key, at), [...path, '<<']), [...path, '<<']);
    return { ...at, entries };
  };
  return (contents) => map(contents, { file, line: 0 }, []);
}

/** Of several mappings the first that has a key counts. */
function mergeInto(entries: Map<string, Found | Tree>, merged: Found | Tree, path: readonly string[]): void {
  const trees = isTree(merged) ? [merged] : merged.items;
  if (trees.length === 0 || !trees.every(isTree))
    throw refuse(merged, path.join('.'), syntax('<< takes a mapping, or a list of them; write <<: *anchor'));
  for (const tree of trees) {
    for (const [name, entry] of tree.entries) if (!entries.has(name)) entries.set(name, entry);
  }
}

/** The text of a key that was not there yet. @throws RefusedError */
function newNameOf(key: unknown, to: { at: Place; path: readonly string[]; entries: Tree['entries'] }): string {
  if (!isScalar(key) || key.value === null) throw refuse(to.at, to.path.join('.'), syntax('a key that is no text; write key: value'));
  const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
  const earlier = to.entries.get(name);
  if (earlier === undefined) return name;
  throw refuse(to.at, [...to.path, name].join('.'), syntax(`given twice, first in line ${earlier.line}; keep one`));
}

function scalar(node: unknown, at: Place): Found {
  if (!isScalar(node)) return { ...at, value: null, words: [''], items: [] };
  return { ...at, value: node.value, words: [node.source ?? String(node.value)], items: [] };
}

interface Where {
  readonly at: Place;
  readonly path: readonly string[];
}

/**
 * Follows aliases. Its own table of anchors, filled in the order of the document: the library searches the whole document for each
 * alias.
 */
function aliasFollower(): <T>(node: unknown, where: Where, read: (node: unknown) => T) => T {
  const anchors = new Map<string, unknown>();
  const open = new Set<unknown>();
  let followed = 0;
  return (given, { at, path }, read) => {
    const { anchor } = isNode(given) && !isAlias(given) ? (given as { readonly anchor?: string }) : {};
    // What stands below an alias was entered where it is written.
    if (anchor !== undefined && open.size === 0) anchors.set(anchor, given);
    if (!isAlias(given)) return read(given);
    const target = anchors.get(given.source);
    followed++;
    if (target === undefined || followed > MAX_ALIASES || open.has(target) || path.length > MAX_DEPTH) {
      throw refuse(at, path.join('.'), syntax(`more than ${MAX_ALIASES} aliases, or one of itself; write it out`));
    }
    open.add(target);
    try {
      return read(target);
    } finally {
      open.delete(target);
    }
  };
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const range = isNode(node) ? node.range : undefined;
  return range ? lines.linePos(range[0]).line : undefined;
}
