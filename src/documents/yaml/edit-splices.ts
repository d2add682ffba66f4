import { type Document, isAlias, isMap, isScalar, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Json, JsonObject } from '../../events/types.ts';
import { isMerge } from '../../settings/index.ts';
import { setAt } from '../paths.ts';
import { listSplice } from './edit-list.ts';
import { blockYaml, keyName, lineEnd, pairEnd } from './yaml-values.ts';

/** One leaf of a document: its new value, or undefined to take it out. */
export interface Edit {
  readonly path: readonly string[];
  readonly value: Json | undefined;
}

/** A piece of the text and what takes its place. */
export interface Splice {
  readonly at: number;
  readonly end: number;
  readonly text: string;
  /** Indentation of lines that are added, for those that are added at one place. */
  readonly column?: number;
}

interface Source {
  readonly document: Document.Parsed;
  readonly text: string;
  readonly edits: readonly Edit[];
  /** How values and keys are written on one line. */
  readonly inline: (value: Json) => string;
}

/** A document whose form the splices do not know. */
export class Unusual extends Error {}

interface Step {
  readonly map: YAMLMap;
  readonly pair: Pair;
}

/** How far a path leads into a document. */
interface Spot {
  /** From the outermost mapping in. */
  readonly steps: readonly Step[];
  /** Where the rest of the path would go: a mapping, or (its last step's) value that is none. */
  readonly map: YAMLMap | undefined;
  /** Empty for a leaf that is there. */
  readonly missing: readonly string[];
}

function spotOf(document: Document.Parsed, path: readonly string[]): Spot {
  const steps: Step[] = [];
  let at: unknown = document.contents;
  for (const [index, name] of path.entries()) {
    if (isAlias(at)) throw new Unusual();
    if (!isMap(at)) return { steps, map: undefined, missing: path.slice(index) };
    const pair = at.items.find((one) => !isMerge(one) && keyName(one.key) === name);
    if (pair === undefined) return { steps, map: at, missing: path.slice(index) };
    steps.push({ map: at, pair });
    at = pair.value;
  }
  return { steps, map: undefined, missing: [] };
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

function lineStart(text: string, at: number): number {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  // A byte order mark is no part of the first line.
  return start === 0 && text.startsWith('\uFEFF') ? 1 : start;
}

/** Values that take the place of others. */
export function replacements({ document, text, edits, inline }: Source): readonly Splice[] {
  return edits.flatMap(({ path, value }) => {
    if (value === undefined) return [];
    const { steps, missing } = spotOf(document, path);
    const pair = steps.at(-1)?.pair;
    return pair === undefined || missing.length > 0 ? [] : [replacement(pair, value, { text, inline })];
  });
}

function replacement(pair: Pair, value: Json, { text, inline }: Pick<Source, 'text' | 'inline'>): Splice {
  const old = pair.value;
  const list = Array.isArray(value) ? listSplice(old, value, { text, inline }) : undefined;
  if (list !== undefined) return list;
  const plain = isAlias(old) || (isScalar(old) && !isEmpty(old));
  const at = plain ? startOf(old) : afterColon(pair, text);
  let end = Math.max(at, pairEnd(pair, at));
  // A block scalar ends behind its line break, which stays.
  while (end > at && /[\r\n]/.test(text[end - 1] ?? '')) end -= 1;
  return { at, end, text: plain ? inline(value) : ` ${inline(value)}` };
}

/** Leaves that go, and the mappings of which nothing is left and to which nothing comes. */
export function removals({ document, text, edits }: Source): readonly Splice[] {
  const gone = new Set<Pair>();
  const kept = new Set<YAMLMap>();
  const spots: Spot[] = [];
  for (const { path, value } of edits) {
    const spot = spotOf(document, path);
    if (value !== undefined && spot.map !== undefined) kept.add(spot.map);
    if (value === undefined && spot.missing.length === 0) spots.push(spot);
  }
  for (const { steps } of spots) {
    const leaf = steps.at(-1);
    if (leaf !== undefined) gone.add(leaf.pair);
  }
  for (const { steps } of spots) {
    for (const { pair } of steps.slice(0, -1).reverse()) {
      const { value } = pair;
      if (!isMap(value) || kept.has(value) || !value.items.every((inner) => gone.has(inner))) break;
      gone.add(pair);
    }
  }
  return gone.size === 0 || !isMap(document.contents) ? [] : removalsIn(document.contents, gone, text);
}

function removalsIn(map: YAMLMap, gone: ReadonlySet<Pair>, text: string): Splice[] {
  const splices: Splice[] = [];
  for (const [index, pair] of map.items.entries()) {
    if (!gone.has(pair)) splices.push(...(isMap(pair.value) ? removalsIn(pair.value, gone, text) : []));
    else if (map.flow === true) splices.push(...flowRemoval(map, index, gone));
    else splices.push({ at: lineStart(text, startOf(pair.key)), end: lineEnd(text, pairEnd(pair, 0)), text: '' });
  }
  return splices;
}

/** With the comma after it; those at the end go together, with the comma before them. */
function flowRemoval({ items }: YAMLMap, index: number, gone: ReadonlySet<Pair>): Splice[] {
  const start = (pair: Pair | undefined): number => startOf(pair?.key);
  const last = items.at(-1);
  if (items.slice(index).some((pair) => !gone.has(pair))) return [{ at: start(items[index]), end: start(items[index + 1]), text: '' }];
  const before = items[index - 1];
  if (last === undefined || (before !== undefined && gone.has(before))) return [];
  return [{ at: before === undefined ? start(items[index]) : pairEnd(before, 0), end: pairEnd(last, 0), text: '' }];
}

/** What is missing, gathered to one tree a place, so that a new unit comes in one piece. */
export function additions({ document, text, edits, inline }: Source): readonly Splice[] {
  const toMaps = new Map<YAMLMap, JsonObject>();
  const toPairs = new Map<Pair, JsonObject>();
  const toNothing: JsonObject = {};
  for (const { path, value } of edits) {
    if (value === undefined) continue;
    const { steps, map, missing } = spotOf(document, path);
    if (missing.length === 0) continue;
    const pair = steps.at(-1)?.pair;
    if (map !== undefined) setAt(gathered(toMaps, map), missing, value);
    else if (pair === undefined) setAt(toNothing, missing, value);
    else if (isEmpty(pair.value)) setAt(gathered(toPairs, pair), missing, value);
    else throw new Unusual();
  }
  const step = stepOf(document, text);
  return [
    ...[...toMaps].map(([map, value]) =>
      map === document.contents && map.items.length === 0
        ? inPlaceOf(map, value, text)
        : map.flow === true
          ? intoFlow(map, value, { text, inline })
          : intoBlock(map, value, { text, step }),
    ),
    ...[...toPairs].map(([pair, value]) => underKey(pair, value, { text, step })),
    ...(Object.keys(toNothing).length === 0 ? [] : [atEnd(document, toNothing, text)]),
  ];
}

function gathered<T>(trees: Map<T, JsonObject>, place: T): JsonObject {
  const tree = trees.get(place) ?? {};
  trees.set(place, tree);
  return tree;
}

interface Layout {
  readonly text: string;
  /** Blanks a level, as the document has them. */
  readonly step: number;
}

function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

function stepOf({ contents }: Document.Parsed, text: string): number {
  const inner = isMap(contents) ? contents.items.map(({ value }) => value).find((value) => isMap(value) && value.flow !== true) : undefined;
  const step = isMap(inner) && inner.items.length > 0 ? columnOf(text, startOf(inner.items[0]?.key)) : 2;
  return step >= 1 && step <= 8 ? step : 2;
}

function lines(value: JsonObject, column: number, step: number): string {
  return blockYaml(value, step).replace(/^(?=.)/gm, ' '.repeat(column));
}

function added(at: number, piece: string, { text, column }: { text: string; column: number }): Splice {
  const open = at > 0 && text[at - 1] !== '\n';
  return { at, end: at, text: open ? `\n${piece}` : piece, column };
}

function intoBlock(map: YAMLMap, value: JsonObject, { text, step }: Layout): Splice {
  const last = map.items.at(-1);
  if (last === undefined) throw new Unusual();
  const column = columnOf(text, startOf(map.items[0]?.key));
  return added(lineEnd(text, pairEnd(last, 0)), lines(value, column, step), { text, column });
}

/** `{}` stands for an empty document: what comes gets lines of its own. */
function inPlaceOf(map: YAMLMap, value: JsonObject, text: string): Splice {
  const start = startOf(map);
  return { at: start, end: text.indexOf('}', start) + 1, text: blockYaml(value, 2).trimEnd() };
}

function intoFlow(map: YAMLMap, value: JsonObject, { text, inline }: Pick<Source, 'text' | 'inline'>): Splice {
  const pairs = Object.entries(value).map(([key, item]) => `${inline(key)}: ${inline(item)}`);
  const last = map.items.at(-1);
  if (last !== undefined) return { at: pairEnd(last, 0), end: pairEnd(last, 0), text: `, ${pairs.join(', ')}` };
  const start = startOf(map);
  return { at: start, end: text.indexOf('}', start) + 1, text: `{ ${pairs.join(', ')} }` };
}

function underKey(pair: Pair, value: JsonObject, { text, step }: Layout): Splice {
  const start = startOf(pair.key);
  const column = columnOf(text, start) + step;
  return added(lineEnd(text, afterColon(pair, text)), lines(value, column, step), { text, column });
}

/** A document that says nothing yet, though it may have comments. */
function atEnd(document: Document.Parsed, value: JsonObject, text: string): Splice {
  if (document.contents !== null && !isEmpty(document.contents)) throw new Unusual();
  return added(text.length, blockYaml(value, 2), { text, column: 0 });
}
