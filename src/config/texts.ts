import { hash } from 'node:crypto';
import { basename } from 'node:path';
import { isMap, isScalar, isSeq, Lexer, type Node } from 'yaml';
import type { Json } from '../events/types.ts';
import { mask, redactText } from '../kernel/redaction.ts';
import { maskText, maskWord } from '../settings/index.ts';
import { canonical, dotted } from './leaves.ts';
import { inlineYaml, keyName, parseYaml } from './yaml-values.ts';

/** Texts of the managed files by absolute path, in the order in which they are read. */
export type Texts = ReadonlyMap<string, string>;

/** Changes whenever a file does. */
export function etagOf(texts: Texts): string {
  return hash('sha256', JSON.stringify([...texts])).slice(0, 16);
}

/** One scalar of a document and where it stands; items of a list have the list's path. */
interface Word {
  readonly path: string;
  readonly value: string;
  /** As others may see it. */
  readonly shown: string;
  /** Of an item of a list: the one before it, as others may see it. */
  readonly before: string | undefined;
  readonly start: number;
  readonly end: number;
}

function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  const walk = (node: unknown, path: readonly string[]): void => {
    if (isMap(node)) for (const { key, value } of node.items) walk(value, [...path, keyName(key)]);
    if (isSeq(node)) walkList(node.items, path);
    add(node, path, (name, value) => ({ shown: maskText(name, value), before: undefined }));
  };
  const walkList = (items: readonly unknown[], path: readonly string[]): void => {
    let before: { readonly value: string; readonly shown: string } | undefined;
    for (const item of items) {
      if (!isScalar(item)) walk(item, path);
      before = add(item, path, (name, value) => ({ shown: maskWord(name, value, before?.value), before: before?.shown }));
    }
  };
  const add = (node: unknown, path: readonly string[], see: (name: string, value: string) => Pick<Word, 'shown' | 'before'>) => {
    const range = isScalar(node) ? (node as Node).range : undefined;
    if (!isScalar(node) || !range || range[0] === range[1] || node.value === null) return undefined;
    const value = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    const name = dotted(canonical(path));
    const word: Word = { path: name, value, ...see(name, value), start: range[0], end: range[1] };
    words.push(word);
    return word;
  };
  walk(parseYaml(text).contents, []);
  return words;
}

/** The line of a key's first value, from 1; undefined where the text does not have it. */
export function lineOfKey(text: string, path: string): number | undefined {
  const word = wordsOf(text).find((one) => one.path === path);
  return word === undefined ? undefined : text.slice(0, word.start).split('\n').length;
}

function replaceWords(text: string, replacements: readonly { readonly word: Word; readonly by: string }[]): string {
  let out = text;
  for (const { word, by } of replacements.toSorted((a, b) => b.word.start - a.word.start)) {
    const tail = /[\r\n]*$/.exec(out.slice(word.start, word.end))?.[0] ?? '';
    out = out.slice(0, word.start) + by + tail + out.slice(word.end);
  }
  return out;
}

/** A file as it may be shown: secrets, userinfo of URLs and what looks like a secret in a comment as `***`. */
export function maskedText(text: string): string {
  const replacements = wordsOf(text).flatMap((word) => {
    return word.shown === word.value ? [] : [{ word, by: inlineYaml(word.shown) }];
  });
  return maskComments(replaceWords(text, replacements));
}

function maskComments(text: string): string {
  let out = '';
  let scalar = false;
  for (const token of new Lexer().lex(text)) {
    out +=
      !scalar && token.startsWith('#') ? redactText(token) : token === '\u001f' || token === '\u0002' || token === '\u0018' ? '' : token;
    scalar = token === '\u001f';
  }
  return out;
}

/** All files as one document; several are told apart by a comment. */
export function shownYaml(texts: Texts): string {
  const [only] = texts.size === 1 ? texts.values() : [];
  if (only !== undefined) return maskedText(only);
  return [...texts].map(([path, text]) => `# ${basename(path)}\n${maskedText(text).replace(/^(---|\.\.\.)[ \t]*$/gm, '')}`).join('\n');
}

/**
 * A text that was shown masked and comes back changed, with the secrets of `kept` in their old places: a value `***` becomes the one
 * of its key, a URL the one whose masked form it is, a line with a masked comment the line that it was.
 */
export function unmaskedText(text: string, kept: string): string {
  if (!text.includes(mask)) return text;
  const olds = wordsOf(kept);
  const replacements = wordsOf(text).flatMap((word) => {
    if (!word.value.includes(mask)) return [];
    const mine = olds.filter(({ path }) => path === word.path);
    const masked = mine.filter(({ shown }) => shown === word.value);
    // `--token ***` and `--password ***` of one command are told apart by the word before.
    const alone = word.before === undefined;
    const old =
      masked.find(({ before }) => before === word.before) ??
      (alone ? (masked[0] ?? (word.value === mask ? mine[0] : undefined)) : undefined);
    return old === undefined ? [] : [{ word, by: literal(kept, old) }];
  });
  return unmaskComments(replaceWords(text, replacements), kept);
}

/** As it is written there, where that is on one line. */
function literal(text: string, { start, end, value }: Word): string {
  const written = text.slice(start, end);
  return /[\r\n]/.test(written) ? inlineYaml(value as Json) : written;
}

function unmaskComments(text: string, kept: string): string {
  const originals = new Map<string, string>();
  const [shown, real] = [maskComments(kept).split('\n'), kept.split('\n')];
  for (const [index, line] of shown.entries()) if (line !== real[index]) originals.set(line, real[index] ?? line);
  return text
    .split('\n')
    .map((line) => originals.get(line) ?? line)
    .join('\n');
}
