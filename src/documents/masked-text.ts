import { Lexer } from 'yaml';
import type { Json } from '../events/types.ts';
import { mask, redactText } from '../kernel/redaction.ts';
import { dotted, type Keys, shortKey } from './paths.ts';
import type { Place } from './places.ts';
import { maskItem, maskValue, restoreMasked } from './secrets.ts';
import { type TextFormat, type Word, wordsOf } from './text-words.ts';
import { inlineYaml } from './yaml/yaml-values.ts';

/** The word as it may be shown; undefined where that is how it is written. */
function shownOf({ places, value }: Word, root: Place): string | undefined {
  for (const { keys, before } of places) {
    const place = placeAt(keys, root);
    const shown = typeof keys.at(-1) === 'number' ? maskItem(value, before, place) : maskValue(value, place);
    if (shown !== value) return String(shown);
  }
  return undefined;
}

function placeAt(keys: Keys, root: Place): Place {
  return keys.reduce<Place>((at, key) => at.child(key), root);
}

/** The places where words are written, each as secret as the most secret of those where it counts. */
function writtenPlaces(words: readonly Word[], root: Place): Place {
  const byPath = byKeys(words);
  const below = (path: Keys): Place => {
    const word = byPath.get(JSON.stringify(path));
    return {
      child: (key) => below([...path, key]),
      isSecret: () => word?.places.some(({ keys }) => placeAt(keys, root).isSecret(word.value)) === true,
      shown: (text) => (word && shownOf(word, root)) ?? text,
    };
  };
  return below([]);
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
  return format === 'json' ? JSON.stringify(value) : inlineYaml(value);
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
 * A text that was shown masked and comes back changed, with the secrets of `kept` in their old places, as `restoreMasked` finds them; a line
 * with a masked comment is the line that it was.
 */
export function restoredText(
  text: string,
  kept: string,
  { format, place }: { readonly format: TextFormat; readonly place: Place },
): string {
  if (!text.includes(mask)) return text;
  const [now, old] = [wordsOf(text, format), wordsOf(kept, format)];
  const [wordAt, oldAt] = [byKeys(now), byKeys(old)];
  const places = { place: writtenPlaces(now, place), stored: writtenPlaces(old, place) };
  const replacements = restoreMasked(treeOf(now), treeOf(old), places).kept.flatMap(({ keys, from }) => {
    const [word, source] = [wordAt.get(JSON.stringify(keys)), oldAt.get(JSON.stringify(from))];
    return word === undefined || source === undefined ? [] : [{ word, by: literal(kept, source, format) }];
  });
  return restoreComments(replaceWords(text, replacements), kept, format);
}

/** Secrets that stand, by an alias, at another place too: where each is written, and where else it can be read. */
export function sharedSecrets(text: string, format: TextFormat, place: Place): readonly { readonly from: Keys; readonly to: Keys }[] {
  const isSecret = (word: Word): boolean => shownOf({ ...word, places: word.places.slice(0, 1) }, place) !== undefined;
  const shared = wordsOf(text, format).filter((word) => word.places.length > 1 && isSecret(word));
  return shared.flatMap(({ keys, places }) => places.slice(1).map((to) => ({ from: keys, to: to.keys })));
}

function byKeys(words: readonly Word[]): ReadonlyMap<string, Word> {
  return new Map(words.map((word) => [JSON.stringify(word.keys), word]));
}

/** The values of a text by their places; what is no scalar and holds none is not there. */
function treeOf(words: readonly Word[], depth = 0): Json {
  const last = words.at(-1);
  if (last === undefined || last.keys.length === depth) return last?.value ?? null;
  const inner = Map.groupBy(words, ({ keys }) => keys[depth] ?? '');
  const key = last.keys[depth];
  if (typeof key !== 'number') return Object.fromEntries([...inner].map(([name, below]) => [name, treeOf(below, depth + 1)]));
  return Array.from({ length: key + 1 }, (_, index) => treeOf(inner.get(index) ?? [], depth + 1));
}

/** As it is written there, where that is on one line. */
function literal(text: string, { start, end, value }: Word, format: TextFormat): string {
  const piece = text.slice(start, end);
  return /[\r\n]/.test(piece) ? written(String(value), format) : piece;
}

const jsonPieces = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;

function maskComments(text: string, format: TextFormat): string {
  if (format === 'json') return text.replaceAll(jsonPieces, (piece) => (piece.startsWith('"') ? piece : redactText(piece)));
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
    .map(({ keys }) => dotted(keys.map(shortKey)));
}
