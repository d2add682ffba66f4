import { basename } from 'node:path';
import { dotted, maskedText, type Place, restoredText, type Texts, wordsOf } from '../documents/index.ts';
import { isSecret, maskText, maskWord } from '../settings/index.ts';
import { canonical } from './leaves.ts';

/** A place of the configuration: what is secret there, the table of keys says. Items of a list stand at the place of the list. */
export function keyPlace(actual: readonly string[] = []): Place {
  const path = dotted(canonical(actual));
  const place: Place = {
    child: (key) => (typeof key === 'number' ? place : keyPlace([...actual, key])),
    isSecret: (value) => value !== null && value !== '' && typeof value !== 'object' && isSecret(path),
    shown: (text) => maskText(path, text),
    shownWord: (word, before) => maskWord(path, word, before),
  };
  return place;
}

/** The line of a key's first value, from 1; undefined where the text does not have it. */
export function lineOfKey(text: string, path: string): number | undefined {
  const nameOf = (keys: readonly (string | number)[]): string => dotted(canonical(keys.filter((key) => typeof key === 'string')));
  const word = wordsOf(text, 'YAML').find(({ keys }) => nameOf(keys) === path);
  return word === undefined ? undefined : text.slice(0, word.start).split('\n').length;
}

/** All files as one document, secrets masked; several are told apart by a comment. */
export function shownYaml(texts: Texts): string {
  const shown = (text: string): string => maskedText(text.replace(/^\uFEFF/, ''), 'YAML', keyPlace());
  const [only] = texts.size === 1 ? texts.values() : [];
  if (only !== undefined) return shown(only);
  return [...texts].map(([path, text]) => `# ${basename(path)}\n${shown(text).replace(/^(---|\.\.\.)[ \t]*$/gm, '')}`).join('\n');
}

/** A text that was shown masked and comes back changed, with the secrets of the file in their old places. */
export function withSecretsOf(text: string, kept: string): string {
  return restoredText(text, kept, { format: 'YAML', place: keyPlace() });
}
