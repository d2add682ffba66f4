import { isAlias, isMap, isScalar, isSeq, type Pair, type Scalar } from 'yaml';
import type { Json } from '../events/types.ts';
import type { Keys } from './paths.ts';
import { readJson } from './read-json.ts';
import { keyName, parseYaml } from './yaml/yaml-values.ts';

/** How the text of a document is to be read. JSON may have comments and trailing commas. The text was judged before. */
export type TextFormat = 'json' | 'yaml';

/** One scalar of a text. */
export interface Word {
  /** Where it is written: below `<<` what is merged. */
  readonly keys: Keys;
  /** Where it counts: first where it is written (or the mapping that it is merged into), then every place at which an alias stands for it. */
  readonly places: readonly WordPlace[];
  readonly value: Json;
  readonly start: number;
  readonly end: number;
}

interface WordPlace {
  readonly keys: Keys;
  /** Of an item of a list: the text before it. */
  readonly before: string | undefined;
}

const maxDepth = 512;

export function wordsOf(text: string, format: TextFormat): readonly Word[] {
  return format === 'json' ? jsonWords(text) : yamlWords(text);
}

function jsonWords(text: string): readonly Word[] {
  const words: Word[] = [];
  readJson(text, {
    maxDepth,
    relaxed: true,
    visit(visited) {
      const { value, start, end } = visited;
      if (value === undefined) return;
      const keys = [...visited.keys];
      const [index, last] = [keys.at(-1), words.at(-1)];
      const isNext = typeof index === 'number' && last?.keys.length === keys.length && last.keys.at(-1) === index - 1;
      const before = isNext && typeof last.value === 'string' ? last.value : undefined;
      words.push({ keys, places: [{ keys, before }], value, start, end });
    },
  });
  return words;
}

/** Nodes that aliases are followed to: more than a judged text has. */
const mostFollowed = 300_000;

/** How a walk comes to a node. */
interface Step {
  /** Where it counts. */
  readonly keys: Keys;
  /** Where it is written; undefined behind an alias: what stands there is written elsewhere. */
  readonly written: Keys | undefined;
  /** In a list: the node before it. */
  readonly before?: unknown;
}

function yamlWords(text: string): readonly Word[] {
  const words = new Map<unknown, Word & { readonly places: WordPlace[] }>();
  const anchors = new Map<string, unknown>();
  const open = new Set<unknown>();
  let followed = 0;
  const target = (node: unknown): unknown => (isAlias(node) ? anchors.get(node.source) : node);
  const note = (node: unknown): void => {
    const { anchor } = (node ?? {}) as { readonly anchor?: string };
    if (anchor !== undefined && !isAlias(node)) anchors.set(anchor, node);
  };
  const follow = (node: unknown, step: Step): void => {
    if (open.has(node)) return;
    open.add(node);
    walk(node, { ...step, written: undefined });
    open.delete(node);
  };
  const walk = (node: unknown, step: Step): void => {
    const { keys, written } = step;
    if (written !== undefined) note(node);
    else if (++followed > mostFollowed) return;
    if (isAlias(node)) follow(target(node), step);
    else if (isMap(node)) for (const pair of node.items) walkPair(pair, step);
    else if (isSeq(node)) {
      for (const [i, item] of node.items.entries())
        walk(item, { keys: [...keys, i], written: written && [...written, i], before: target(node.items[i - 1]) });
    } else if (isScalar(node)) addWord(node, step);
  };
  const walkPair = ({ key, value }: Pair, { keys, written }: Step): void => {
    if (written !== undefined) note(key);
    const named = target(key);
    // A name can be read whatever stands below it.
    if (isAlias(key)) words.get(named)?.places.push({ keys, before: undefined });
    const name = keyName(named);
    const step: Step = { keys: [...keys, name], written: written && [...written, name] };
    if (name === '<<') merge(value, { ...step, keys });
    else walk(value, step);
    // The engines may call a key that is no text otherwise: `0x10` is 16.
    const other = isScalar(named) ? String(named.value ?? '') : name;
    if (other !== name) follow(value, { keys: [...keys, other], written: undefined });
  };
  /** What is merged counts where the mapping does that it is merged into. */
  const merge = (value: unknown, step: Step): void => {
    const list = target(value);
    const { keys, written } = step;
    for (const [i, map] of isSeq(list) ? list.items.entries() : []) {
      if (isAlias(value)) follow(map, step);
      else walk(map, { keys, written: written && [...written, i] });
    }
    if (!isSeq(list)) walk(value, step);
  };
  const addWord = (node: Scalar, { keys, written, before }: Step): void => {
    const place = { keys, before: isScalar(before) && typeof before.value === 'string' ? before.value : undefined };
    const [start, end] = node.range ?? [0, 0];
    const value = (typeof node.value === 'number' ? (node.source ?? node.value) : node.value) as Json;
    if (written === undefined) words.get(node)?.places.push(place);
    else if (start < end) words.set(node, { keys: written, places: [place], value, start, end });
  };
  walk(parseYaml(text).contents, { keys: [], written: [] });
  return [...words.values()];
}
