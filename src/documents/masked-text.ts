import { isMap, isScalar, isSeq, Lexer, type Node } from 'yaml';
import type { Json } from '../events/types.ts';
import { mask, redactText } from '../kernel/redaction.ts';
import type { Place } from './places.ts';
import { scanJson } from './scan-json.ts';
import { inlineYaml, keyName, parseYaml } from './yaml/yaml-values.ts';

/** How the text of a document is to be read. JSON may have comments and trailing commas. The text was judged before. */
export type TextFormat = 'JSON' | 'YAML';

/** One scalar of a text, and where it stands. */
export interface Word {
  readonly keys: readonly (string | number)[];
  readonly value: Json;
  /** Of an item of a list: the one before it, where that is a text too. */
  readonly previous: Word | undefined;
  readonly start: number;
  readonly end: number;
}

const maxDepth = 512;

export function wordsOf(text: string, format: TextFormat): readonly Word[] {
  return format === 'JSON' ? jsonWords(text) : yamlWords(text);
}

function jsonWords(text: string): readonly Word[] {
  const words: Word[] = [];
  scanJson(text, {
    root: '',
    maxDepth,
    relaxed: true,
    visit({ keys, start, end }) {
      if (end > start) addWord(words, { keys: keys(), value: JSON.parse(text.slice(start, end)) as Json, start, end });
    },
  });
  return words;
}

function yamlWords(text: string): readonly Word[] {
  const words: Word[] = [];
  const walk = (node: unknown, keys: readonly (string | number)[]): void => {
    if (isMap(node)) for (const { key, value } of node.items) walk(value, [...keys, keyName(key)]);
    if (isSeq(node)) for (const [index, item] of node.items.entries()) walk(item, [...keys, index]);
    const range = isScalar(node) ? (node as Node).range : undefined;
    if (!isScalar(node) || !range || range[0] === range[1]) return;
    const { value } = node;
    addWord(words, { keys, value: typeof value === 'number' ? (node.source ?? value) : (value as Json), start: range[0], end: range[1] });
  };
  walk(parseYaml(text).contents, []);
  return words;
}

function addWord(words: Word[], word: Omit<Word, 'previous'>): void {
  const last = words.at(-1);
  const [index, before] = [word.keys.at(-1), last?.keys.at(-1)];
  const isNext = typeof index === 'number' && before === index - 1 && last?.keys.length === word.keys.length;
  const isText = typeof word.value === 'string' && typeof last?.value === 'string';
  words.push({ ...word, previous: isNext && isText ? last : undefined });
}

/** The word as it may be shown; undefined where that is how it is written. Below a secret everything is one. */
function shownOf({ keys, value, previous }: Word, root: Place): string | undefined {
  let place = root;
  for (const key of keys) {
    place = place.child(key);
    if (place.isSecret({}) && value !== null && value !== '') return mask;
  }
  if (place.isSecret(value)) return mask;
  if (typeof value !== 'string') return undefined;
  const isItem = typeof keys.at(-1) === 'number';
  const shown = isItem && place.shownWord ? place.shownWord(value, previous && String(previous.value)) : place.shown(value);
  return shown === value ? undefined : shown;
}

function replaceWords(text: string, replacements: readonly { readonly word: Word; readonly by: string }[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { word, by } of replacements.toSorted((a, b) => a.word.start - b.word.start)) {
    // A block scalar ends behind its line break, which stays.
    const tail = /[\r\n]*$/.exec(text.slice(word.start, word.end))?.[0] ?? '';
    pieces.push(text.slice(at, word.start), by, tail);
    at = word.end;
  }
  return [...pieces, text.slice(at)].join('');
}

/** How a value is written on one line. */
function written(value: string, format: TextFormat): string {
  return format === 'JSON' ? JSON.stringify(value) : inlineYaml(value);
}

/** A text as it may be shown: secrets, userinfo of URLs and what looks like a secret in a comment as `***`; every other byte as it is. */
export function maskedText(text: string, format: TextFormat, place: Place): string {
  const replacements = wordsOf(text, format).flatMap((word) => {
    const shown = shownOf(word, place);
    return shown === undefined ? [] : [{ word, by: written(shown, format) }];
  });
  return maskComments(replaceWords(text, replacements), format);
}

/**
 * A text that was shown masked and comes back changed, with the secrets of `kept` in their old places: a value `***` becomes the one of its
 * key, a URL the one whose masked form it is, a line with a masked comment the line that it was.
 */
export function restoredText(
  text: string,
  kept: string,
  { format, place }: { readonly format: TextFormat; readonly place: Place },
): string {
  if (!text.includes(mask)) return text;
  const olds = byIdentity(wordsOf(kept, format), place);
  const replacements = [...byIdentity(wordsOf(text, format), place)].flatMap(([identity, word]) => {
    if (typeof word?.value !== 'string' || !word.value.includes(mask)) return [];
    const old = olds.get(identity);
    return old === undefined || shownOf(old, place) !== word.value ? [] : [{ word, by: literal(kept, old, format) }];
  });
  return restoreComments(replaceWords(text, replacements), kept, format);
}

/** What an item of a list is told apart by, in this order: a secret must not follow its index to another item. */
const identities: readonly (string | number | undefined)[] = ['id', 'name', 'tag', 'email', 'username', 'user'];

/**
 * The words by where they stand: an item of a list by its own name, a word of one by the word before it (`--token ***`), else by the index
 * in a list of that length. Two of one place are nobody's counterpart, and come as undefined.
 */
function byIdentity(words: readonly Word[], place: Place): ReadonlyMap<string, Word | undefined> {
  const pathOf = (keys: readonly (string | number)[]): string => JSON.stringify(keys);
  const names = new Map<string, string>();
  const lengths = new Map<string, number>();
  for (const { keys, value } of words) {
    for (const [at, key] of keys.entries()) {
      if (typeof key === 'number') lengths.set(pathOf(keys.slice(0, at)), key + 1);
    }
    const rank = identities.indexOf(keys.at(-1));
    const item = pathOf(keys.slice(0, -1));
    const before = names.get(item);
    if (rank < 0 || typeof keys.at(-2) !== 'number' || String(value).includes(mask)) continue;
    if (before === undefined || Number(before[0]) > rank) names.set(item, `${rank}=${String(value)}`);
  }
  const found = new Map<string, Word | undefined>();
  for (const word of words) {
    const steps = word.keys.map((key, at) => {
      if (typeof key === 'string') return key;
      const own = at === word.keys.length - 1 ? behind(word, place) : names.get(pathOf(word.keys.slice(0, at + 1)));
      return [own ?? `${key} of ${lengths.get(pathOf(word.keys.slice(0, at)))}`];
    });
    const identity = JSON.stringify(steps);
    found.set(identity, found.has(identity) ? undefined : word);
  }
  return found;
}

function behind({ previous }: Word, place: Place): string | undefined {
  if (previous === undefined || String(previous.value).includes(mask) || shownOf(previous, place) !== undefined) return undefined;
  return `behind ${String(previous.value)}`;
}

/** As it is written there, where that is on one line. */
function literal(text: string, { start, end, value }: Word, format: TextFormat): string {
  const piece = text.slice(start, end);
  return /[\r\n]/.test(piece) ? written(String(value), format) : piece;
}

const jsonPieces = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;

function maskComments(text: string, format: TextFormat): string {
  if (format === 'JSON') return text.replaceAll(jsonPieces, (piece) => (piece.startsWith('"') ? piece : redactText(piece)));
  let out = '';
  let scalar = false;
  for (const token of new Lexer().lex(text)) {
    // Marks of the lexer that are no part of the text.
    const isMark = token === '\u001f' || token === '\u0002' || token === '\u0018';
    out += isMark ? '' : !scalar && token.startsWith('#') ? redactText(token) : token;
    scalar = token === '\u001f';
  }
  return out;
}

/** A line gets its secret back only where it is a comment still: the same line inside a text would be a value that can be read. */
function restoreComments(text: string, kept: string, format: TextFormat): string {
  const originals = new Map<string, string>();
  const [shown, real] = [maskComments(kept, format).split('\n'), kept.split('\n')];
  for (const [index, line] of shown.entries()) if (line !== real[index]) originals.set(line, real[index] ?? line);
  const lines = text.split('\n');
  const restored = lines.map((line) => originals.get(line) ?? line);
  const shownAgain = maskComments(restored.join('\n'), format).split('\n');
  return restored.map((line, index) => (shownAgain[index] === lines[index] ? line : (lines[index] ?? ''))).join('\n');
}

/** Places of `***` that a restored text still has, alone or within a value (`user:***`): they stand for nothing. What `kept` has as well is meant so. */
export function masksLeft(text: string, format: TextFormat, kept = ''): readonly string[] {
  const masked = (from: string): ReturnType<typeof wordsOf> =>
    from.includes(mask) ? wordsOf(from, format).filter(({ value }) => typeof value === 'string' && value.includes(mask)) : [];
  const meant = new Set(masked(kept).map(({ value }) => value));
  return masked(text)
    .filter(({ value }) => value === mask || !meant.has(value))
    .map(({ keys }) =>
      keys
        .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key.slice(0, 64)}`))
        .join('')
        .replace(/^\./, ''),
    );
}
