import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, visit, type YAMLMap } from 'yaml';
import { isMerge } from '../../settings/index.ts';
import { type Edit, type Splice, Unusual } from './edit-splices.ts';
import { inlineYaml, keyName, nodeValue, pairEnd } from './yaml-values.ts';

/** More rounds than aliases that a text may have. */
const mostRounds = 200;

/**
 * Writes out what stands in the way of edits because it is said in one place for several: an alias on the way to a leaf becomes a copy, a
 * merge key the keys that it brings, and where the anchored text itself is to change, those who refer to it get what it said. All
 * else stays, anchors too. `splice` applies splices to a text and reads it again.
 */
export function unshare(
  first: { readonly document: Document.Parsed; readonly text: string },
  edits: readonly Edit[],
  splice: (text: string, splices: readonly Splice[]) => { readonly document: Document.Parsed; readonly text: string },
): string {
  let at = first;
  for (let round = 0; round < mostRounds; round++) {
    const splices = edits.map((edit) => inTheWay(at, edit)).find((found) => found.length > 0);
    if (splices === undefined) return at.text;
    at = splice(at.text, splices);
  }
  throw new Unusual();
}

interface Source {
  readonly document: Document.Parsed;
  readonly text: string;
}

/** The first thing that stands between the edit and its leaf; empty where nothing does. */
function inTheWay(source: Source, { path, value }: Edit): readonly Splice[] {
  let at: unknown = source.document.contents;
  for (const [index, name] of path.entries()) {
    if (isAlias(at)) return [copyOf(at, source)];
    const users = aliasesOf([at], source.document);
    if (users.length > 0) return users.map((alias) => copyOf(alias, source));
    if (!isMap(at)) return [];
    const pair = at.items.find((one) => !isMerge(one) && keyName(one.key) === name);
    if (pair === undefined) {
      const isOverride = index === path.length - 1 && value !== undefined;
      const merge = isOverride
        ? undefined
        : at.items.find((one) => isMerge(one) && Object.hasOwn(nodesOf(one.value, source.document), name));
      return merge === undefined ? [] : [writtenOut(at, merge, source)];
    }
    at = pair.value;
  }
  // A leaf that goes or becomes another takes its anchors along.
  return aliasesOf(anchoredIn(at), source.document).map((alias) => copyOf(alias, source));
}

function anchoredIn(node: unknown): readonly unknown[] {
  if (isMap(node)) return [node, ...node.items.flatMap(({ value }) => anchoredIn(value))];
  return isSeq(node) ? [node, ...node.items.flatMap(anchoredIn)] : [node];
}

/** Aliases that stand for one of the nodes. */
function aliasesOf(nodes: readonly unknown[], document: Document.Parsed): readonly Alias[] {
  const anchored = new Set(nodes.filter((node) => (node as { readonly anchor?: string } | null)?.anchor !== undefined));
  const found: Alias[] = [];
  if (anchored.size > 0) {
    visit(document, {
      Alias(_, alias) {
        if (anchored.has(alias.resolve(document))) found.push(alias);
      },
    });
  }
  return found;
}

function copyOf(alias: Alias, source: Source): Splice {
  const [at, end] = alias.range ?? [];
  if (at === undefined || end === undefined) throw new Unusual();
  return { at, end, text: inlineNode(alias.resolve(source.document), source) };
}

/** The keys that a merge brings and the mapping does not have, in its place. */
function writtenOut(map: YAMLMap, merge: Pair, source: Source): Splice {
  const { text, document } = source;
  const start = (merge.key as Node | null)?.range?.[0];
  if (start === undefined) throw new Unusual();
  const has = new Set(map.items.filter((pair) => !isMerge(pair)).map(({ key }) => keyName(key)));
  const brought = Object.entries(nodesOf(merge.value, document)).filter(([name]) => !has.has(name));
  const pairs = brought.map(([name, node]) => `${inlineYaml(name)}: ${inlineNode(node, source)}`);
  const indent = ' '.repeat(start - text.lastIndexOf('\n', start - 1) - 1);
  if (pairs.length === 0) throw new Unusual();
  return { at: start, end: pairEnd(merge, start), text: pairs.join(map.flow === true ? ', ' : `\n${indent}`) };
}

/** What a merge brings, by name: of several mappings the first that has it. */
function nodesOf(value: unknown, document: Document.Parsed): Readonly<Record<string, unknown>> {
  const node = isAlias(value) ? value.resolve(document) : value;
  if (isSeq(node)) return Object.fromEntries([...node.items].reverse().flatMap((item) => Object.entries(nodesOf(item, document))));
  if (!isMap(node)) return {};
  const merged = node.items.filter(isMerge).flatMap((pair) => Object.entries(nodesOf(pair.value, document)));
  const own = node.items.filter((pair) => !isMerge(pair)).map((pair) => [keyName(pair.key), pair.value] as const);
  return Object.fromEntries([...merged, ...own]);
}

/** A node on one line, its scalars as they are written: `0660` is another thing than 660. */
function inlineNode(node: unknown, source: Source): string {
  const { document, text } = source;
  if (isAlias(node)) return inlineNode(node.resolve(document), source);
  if (isSeq(node)) return `[${node.items.map((item) => inlineNode(item, source)).join(', ')}]`;
  if (isMap(node)) {
    const pairs = node.items.map((pair) => `${isMerge(pair) ? '<<' : inlineYaml(keyName(pair.key))}: ${inlineNode(pair.value, source)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  const range = isScalar(node) ? (node as Node).range : undefined;
  const written = range ? text.slice(range[0], range[1]) : '';
  if (isScalar(node) && typeof node.value !== 'string' && written !== '') return written;
  return inlineYaml(nodeValue(node));
}
