import { basename } from 'node:path';
import { dotted, type Keys, lineAt, maskedText, type Place, restoredText, sharedSecrets, type Texts, wordsOf } from '../documents/index.ts';
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
  const word = wordsOf(text, 'yaml').find(({ keys }) => dotted(keyOf(keys)) === path);
  return word && lineAt(text, word.start);
}

/** The keys at which an alias stands for a secret that is written elsewhere, by the two places. */
export function secretAliases(texts: Texts): ReadonlyMap<string, readonly string[]> {
  const shared = [...texts.values()].filter((text) => text.includes('*')).flatMap((text) => sharedSecrets(text, 'yaml', keyPlace()));
  return new Map(shared.map(({ from, to }) => [`${dotted(keyOf(to))}*${dotted(keyOf(from))}`, keyOf(to)]));
}

/** The key in which a value stands: an item of a list belongs to the list. */
function keyOf(keys: Keys): readonly string[] {
  return canonical(keys.filter((key) => typeof key === 'string'));
}

/** All files as one document, secrets masked; several are told apart by a comment. */
export function shownYaml(texts: Texts): string {
  const shown = (text: string): string => maskedText(text.replace(/^\uFEFF/, ''), 'yaml', keyPlace());
  const [only] = texts.size === 1 ? texts.values() : [];
  if (only !== undefined) return shown(only);
  return [...texts].map(([path, text]) => `# ${basename(path)}\n${shown(text).replace(/^(---|\.\.\.)[ \t]*$/gm, '')}`).join('\n');
}

/** A text that was shown masked and comes back changed, with the secrets of the file in their old places. */
export function withSecretsOf(text: string, kept: string): string {
  return restoredText(text, kept, { format: 'yaml', place: keyPlace() });
}
