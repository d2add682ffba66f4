import { isDeepStrictEqual } from 'node:util';
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, visit, type YAMLMap } from 'yaml';
import type { Json, JsonObject } from '../../events/types.ts';
import { isObject } from '../../kernel/is-object.ts';
import { isMerge } from '../../settings/index.ts';
import { own } from '../paths.ts';
import { listSplice } from './edit-list.ts';
import { blockYaml, keyName, lineEnd, nodesOf, nodeValue, pairEnd } from './yaml-values.ts';

/** A piece of the text and what takes its place. */
export interface Splice {
  readonly at: number;
  readonly end: number;
  readonly text: string;
  /** Indentation of lines that are added, for those that are added at one place. */
  readonly column?: number;
}

/** A document whose form the splices do not know. */
export class Unusual extends Error {}

interface Draft {
  readonly document: Document.Parsed;
  readonly text: string;
  /** How values and keys are written on one line. */
  readonly inline: (value: Json) => string;
  /** Blanks a level, as the document has them. */
  readonly step: number;
  readonly splices: Splice[];
  /** Nodes that say something else from now on: an alias of one is written out, since it is to say what it said. */
  readonly changed: Set<unknown>;
}

/**
 * The splices that make a text say what is meant. The document is walked beside the value: what says it already stays byte for byte, and
 * what is said in one place for several (aliases, merge keys) is written out where they part.
 */
export function splicesFor({ document, text, inline }: Pick<Draft, 'document' | 'text' | 'inline'>, meant: JsonObject): readonly Splice[] {
  const { contents } = document;
  const draft: Draft = { document, text, inline, step: stepOf(contents, text), splices: [], changed: new Set() };
  if (contents === null || isEmpty(contents)) draft.splices.push(addedLines(text.length, blockYaml(meant, 2), { text, column: 0 }));
  else if (!isMap(contents)) throw new Unusual();
  else if (contents.items.length > 0) changeMap(contents, meant, draft);
  // `{}` stands for an empty document: what comes gets lines of its own.
  else draft.splices.push({ ...bracesOf(contents, text), text: blockYaml(meant, 2).trimEnd() });
  return draft.splices;
}

function changeValue(pair: Pair, value: Json, draft: Draft): void {
  const { value: node } = pair;
  if (isMap(node) && isObject(value) && Object.keys(value).length > 0) changeMap(node, value, draft);
  else if (isDeepStrictEqual(plainOf(node, draft), value)) keepNode(node, draft);
  else {
    markChanged(node, draft);
    const list = Array.isArray(value) ? listSplice(node, value, draft) : undefined;
    draft.splices.push(list ?? inPlaceOf(pair, inlineLike(node, value, draft), draft.text));
  }
}

/** A collection goes with the lines that it has to itself. */
function inPlaceOf(pair: Pair, piece: string, text: string): Splice {
  const { value } = pair;
  const isPlain = isAlias(value) || (isScalar(value) && !isEmpty(value));
  const at = isPlain ? startOf(value) : afterColon(pair, text);
  let end = Math.max(at, pairEnd(pair, at));
  // A block scalar ends behind its line break, which stays.
  while (end > at && /[\r\n]/.test(text[end - 1] ?? '')) end -= 1;
  return { at, end, text: isPlain ? piece : ` ${piece}` };
}

/** What says the right thing by itself; but what its aliases stand for may be another thing by now. */
function keepNode(node: unknown, draft: Draft): void {
  if (isSeq(node)) for (const item of node.items) keepNode(item, draft);
  if (isMap(node)) for (const { value } of node.items) keepNode(value, draft);
  if (!isAlias(node) || !draft.changed.has(node.resolve(draft.document))) return;
  draft.splices.push({ at: startOf(node), end: node.range?.[1] ?? 0, text: inlineLike(node, plainOf(node, draft), draft) });
}

function changeMap(map: YAMLMap, meant: JsonObject, draft: Draft): void {
  const before = draft.changed.size;
  const has = new Set(map.items.filter((pair) => !isMerge(pair)).map(({ key }) => keyName(key)));
  const gone = new Set<Pair>();
  for (const pair of map.items) {
    const name = keyName(pair.key);
    const value = own(meant, name);
    if (isMerge(pair)) for (const brought of changeMerge(pair, { map, meant, has, gone }, draft)) has.add(brought);
    else if (value === undefined) {
      gone.add(pair);
      markChanged(pair.value, draft);
    } else if (!isEmpty(pair.value)) changeValue(pair, value, draft);
    else if (value !== null) fill(pair, value, { draft, isFlow: map.flow === true });
  }
  if (gone.size > 0)
    draft.splices.push(...(map.flow === true ? flowRemovals(map, gone) : [...gone].map((pair) => lineRemoval(pair, draft.text))));
  const missing = Object.entries(meant).filter(([name]) => !has.has(name));
  if (missing.length > 0) draft.splices.push(addition(map, Object.fromEntries(missing), { gone, draft }));
  if (gone.size + missing.length > 0 || draft.changed.size > before) draft.changed.add(map);
}

interface Merging {
  readonly map: YAMLMap;
  readonly meant: JsonObject;
  /** Own keys of the mapping. */
  readonly has: ReadonlySet<string>;
  readonly gone: Set<Pair>;
}

/** Answers the names that the merge key still brings: another one of these is to become a key of its own. */
function changeMerge(pair: Pair, { map, meant, has, gone }: Merging, draft: Draft): readonly string[] {
  const { document, text, splices } = draft;
  const brought = [...nodesOf([pair], (alias) => alias.resolve(document))].filter(([name]) => !has.has(name));
  const another = brought.filter(([name, node]) => !isDeepStrictEqual(plainOf(node, draft), own(meant, name)));
  const stays = another.every(([name, node]) => own(meant, name) !== undefined && !(isMap(node) && isObject(own(meant, name))));
  if (stays) {
    keepNode(pair.value, draft);
    return brought.filter((one) => !another.includes(one)).map(([name]) => name);
  }
  const written = brought.filter(([name]) => own(meant, name) !== undefined);
  const at = startOf(pair.key);
  draft.changed.add(pair);
  const pieces = written.map(([name, node]) => `${draft.inline(name)}: ${inlineLike(node, own(meant, name) ?? null, draft)}`);
  if (pieces.length === 0) gone.add(pair);
  else splices.push({ at, end: pairEnd(pair, at), text: pieces.join(map.flow === true ? ', ' : `\n${' '.repeat(columnOf(text, at))}`) });
  return written.map(([name]) => name);
}

function plainOf(node: unknown, { document }: Draft): Json {
  return nodeValue(node, (alias) => alias.resolve(document));
}

function markChanged(node: unknown, { changed }: Draft): void {
  changed.add(node);
  if (isMap(node) || isSeq(node) || isScalar(node)) visit(node, { Node: (_, inner) => void changed.add(inner) });
}

/** On one line; what a node says already is written as it is there: `0660` is another thing than 660. */
function inlineLike(node: unknown, value: Json, draft: Draft): string {
  const { document, inline } = draft;
  const resolve = (alias: Alias): unknown => alias.resolve(document);
  const like = isAlias(node) ? resolve(node) : node;
  if (isObject(value) && isMap(like)) {
    const nodes = nodesOf(like.items, resolve);
    const pairs = Object.entries(value).map(([name, item]) => `${inline(name)}: ${inlineLike(nodes.get(name), item, draft)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  if (Array.isArray(value) && isSeq(like)) return `[${value.map((item, i) => inlineLike(like.items[i], item, draft)).join(', ')}]`;
  const isWritten = isScalar(like) && typeof like.value === 'number' && like.source !== undefined && nodeValue(like) === value;
  return isWritten ? (like.source ?? '') : inline(value);
}

/** A key that has no value yet. */
function fill(pair: Pair, value: Json, { draft, isFlow }: { readonly draft: Draft; readonly isFlow: boolean }): void {
  const { text, step, inline, splices } = draft;
  markChanged(pair.value, draft);
  if (isFlow || !isObject(value) || Object.keys(value).length === 0) {
    splices.push(inPlaceOf(pair, inline(value), text));
    return;
  }
  const column = columnOf(text, startOf(pair.key)) + step;
  splices.push(addedLines(lineEnd(text, afterColon(pair, text)), lines(value, column, step), { text, column }));
}

function addition(map: YAMLMap, value: JsonObject, { gone, draft }: { readonly gone: ReadonlySet<Pair>; readonly draft: Draft }): Splice {
  const { text, step, inline } = draft;
  const last = map.items.at(-1);
  if (map.flow === true || last === undefined) {
    const pairs = Object.entries(value)
      .map(([key, item]) => `${inline(key)}: ${inline(item)}`)
      .join(', ');
    if (last === undefined) return { ...bracesOf(map, text), text: `{ ${pairs} }` };
    const at = pairEnd(last, 0);
    return { at, end: at, text: map.items.length > gone.size ? `, ${pairs}` : pairs };
  }
  const column = columnOf(text, startOf(map.items[0]?.key));
  const at = gone.has(last) ? lineStart(text, startOf(last.key)) : lineEnd(text, pairEnd(last, 0));
  return addedLines(at, lines(value, column, step), { text, column });
}

function addedLines(at: number, piece: string, { text, column }: { readonly text: string; readonly column: number }): Splice {
  const isOpen = at > 0 && text[at - 1] !== '\n';
  return { at, end: at, text: isOpen ? `\n${piece}` : piece, column };
}

function lines(value: JsonObject, column: number, step: number): string {
  return blockYaml(value, step).replace(/^(?=.)/gm, ' '.repeat(column));
}

function lineRemoval(pair: Pair, text: string): Splice {
  return { at: lineStart(text, startOf(pair.key)), end: lineEnd(text, pairEnd(pair, 0)), text: '' };
}

/** With the comma after it; those at the end go together, with the comma before them. */
function flowRemovals({ items }: YAMLMap, gone: ReadonlySet<Pair>): readonly Splice[] {
  const kept = items.findLastIndex((pair) => !gone.has(pair));
  const [lastKept, first, last] = [items[kept], items[0], items.at(-1)];
  const inner = items.slice(0, Math.max(kept, 0)).flatMap((pair, i) => {
    return gone.has(pair) ? [{ at: startOf(pair.key), end: startOf(items[i + 1]?.key), text: '' }] : [];
  });
  if (last === undefined || last === lastKept) return inner;
  return [...inner, { at: lastKept === undefined ? startOf(first?.key) : pairEnd(lastKept, 0), end: pairEnd(last, 0), text: '' }];
}

function startOf(node: unknown): number {
  const range = (node as Node | null | undefined)?.range;
  if (!range) throw new Unusual();
  return range[0];
}

function isEmpty(node: unknown): boolean {
  const range = (node as Node | null)?.range;
  return node === null || (isScalar(node) && (!range || range[0] === range[1]));
}

function afterColon({ key }: Pair, text: string): number {
  const range = (key as Node | null)?.range;
  const colon = range ? text.indexOf(':', range[1]) : -1;
  if (colon < 0) throw new Unusual();
  return colon + 1;
}

function bracesOf(map: YAMLMap, text: string): { readonly at: number; readonly end: number } {
  const at = startOf(map);
  return { at, end: text.indexOf('}', at) + 1 };
}

function lineStart(text: string, at: number): number {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  // A byte order mark is no part of the first line.
  return start === 0 && text.startsWith('\uFEFF') ? 1 : start;
}

function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

function stepOf(contents: unknown, text: string): number {
  const inner = isMap(contents) ? contents.items.map(({ value }) => value).find((value) => isMap(value) && value.flow !== true) : undefined;
  const step = isMap(inner) && inner.items.length > 0 ? columnOf(text, startOf(inner.items[0]?.key)) : 2;
  return step >= 1 && step <= 8 ? step : 2;
}
