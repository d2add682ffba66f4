import { isDeepStrictEqual } from 'node:util';
import { isSeq, type Node, type YAMLSeq } from 'yaml';
import type { Json } from '../../events/types.ts';
import type { Splice } from './change-nodes.ts';
import { blockYaml, contentEnd, lineEnd, nodeValue } from './yaml-values.ts';

interface Source {
  readonly text: string;
  readonly inline: (value: Json) => string;
}

/** A list in place of another, item by item: one that stays keeps its notation and its comment. Undefined where the form does not allow it. */
export function listSplice(old: unknown, value: readonly Json[], source: Source): Splice | undefined {
  if (!isSeq(old) || old.items.length === 0 || value.length === 0) return undefined;
  return old.flow === true ? flowList(old, value, source) : blockList(old, value, source.text);
}

/** Gives each item of the old list away once: to the first new one that is equal. */
function takeFrom(items: readonly unknown[]): (value: Json) => number {
  const free = new Map(items.map((item, index) => [index, nodeValue(item)]));
  return (value) => {
    for (const [index, item] of free) {
      if (!isDeepStrictEqual(item, value)) continue;
      free.delete(index);
      return index;
    }
    return -1;
  };
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = (node as Node | null)?.range;
  return range ? [range[0], contentEnd(node, range[1])] : undefined;
}

function flowList(old: YAMLSeq, value: readonly Json[], { text, inline }: Source): Splice | undefined {
  const range = old.range;
  const inside = range ? text.slice(range[0], range[1]) : '#';
  if (!range || inside.includes('#')) return undefined;
  const take = takeFrom(old.items);
  const pieces = value.map((item) => {
    const at = rangeOf(old.items[take(item)]);
    return at === undefined ? inline(item) : text.slice(...at);
  });
  const pad = inside.startsWith('[ ') ? ' ' : '';
  return { at: range[0], end: range[1], text: `[${pad}${pieces.join(', ')}${pad}]` };
}

/** The lines of an item are its own and the comments above it. */
function blockList(old: YAMLSeq, value: readonly Json[], text: string): Splice | undefined {
  const first = old.range?.[0] ?? 0;
  const at = text.lastIndexOf('\n', first - 1) + 1;
  const indent = text.slice(at, first);
  if (indent.trim() !== '' || text[first] !== '-') return undefined;
  const ends = old.items.map((item) => lineEnd(text, contentEnd(item, first)));
  const take = takeFrom(old.items);
  const pieces = value.map((item) => {
    const index = take(item);
    const end = ends[index];
    if (end === undefined) return blockYaml([item], 2).replace(/^(?=.)/gm, indent);
    const piece = text.slice(ends[index - 1] ?? at, end);
    return piece.endsWith('\n') ? piece : `${piece}\n`;
  });
  return { at, end: ends.at(-1) ?? at, text: pieces.join('') };
}
