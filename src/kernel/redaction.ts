/**
 * Finds secrets by the names they stand under, and by the userinfo of URLs, and puts `***` in their place: in JSON-like
 * values (events, documents), in text (log lines) and in argument vectors. The one masker: whoever shows something uses it.
 */
import type { JsonText } from './json-text.ts';
import { maskCommand } from './mask-command.ts';
import { isVectorName, type JsonVisitor, maskJson } from './mask-json.ts';
import { maskText, maskUrls } from './mask-text.ts';
import { createSecretNames, defaultSecretNames, type SecretNames } from './secret-names.ts';

export type { JsonPlace, JsonVisitor } from './mask-json.ts';
export { mask } from './mask-text.ts';
export { createValueMasker } from './mask-values.ts';
export { defaultSecretNames } from './secret-names.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface Redactor {
  /** Whether a text under this name is a secret: `db_password`, `authToken`, `X-Api-Key`; not `token_count`. */
  isSecretName(name: string): boolean;
  /** Whether this value is one: under such a name a flag, an absence (`has_password: true`) or the settings of `auth: {…}` are none. */
  isSecret(name: string, value: JsonValue): boolean;
  /**
   * Answers `value` itself where nothing is secret, else a copy. `paths` name what was masked, below `root`: `data.users[0].token`. The visitor sees
   * what the walk comes by, so that who has more to ask of a value need not walk it again.
   */
  json<T extends JsonValue>(value: T, root: string, visitor?: JsonVisitor): { readonly value: T; readonly paths: readonly string[] };
  /** Whether `json` would leave a value as it is, by what is known of its text. False where only the walk can tell. */
  isClean(text: JsonText): boolean;
  text(text: string): string;
  /** The userinfo and the secret parameters of the URLs in a text. */
  urls(text: string): string;
  /**
   * An argument vector. (What a unit is given as arguments is readable by every user of the machine in /proc all the same: secrets
   * belong in a file or the environment.)
   */
  command(command: readonly string[]): readonly string[];
}

export function createRedactor(names: readonly string[] = defaultSecretNames): Redactor {
  const secretNames = createSecretNames(names);
  const isSecret = (name: string, value: JsonValue): boolean => standsForSecret(name, value, secretNames);
  const urls = (text: string): string => maskUrls(text, secretNames);
  const command = (words: readonly string[]): readonly string[] => maskCommand(words, secretNames);
  return {
    isSecretName: secretNames.has,
    isSecret,
    json(value, root, visitor) {
      const paths: string[] = [];
      return { value: maskJson(value, root, { isSecret, urls, command, paths, visitor }) as typeof value, paths };
    },
    isClean: ({ keys, hasUrl, hasList }) => !hasUrl && !keys.some((key) => secretNames.has(key) || (hasList && isVectorName(key))),
    text: (text) => maskText(text, secretNames),
    urls,
    command,
  };
}

/** Masks nothing: where masking is switched off, a value is still walked for its visitor. */
export const noRedactor: Pick<Redactor, 'json' | 'isClean'> = {
  isClean: () => true,
  json(value, root, visitor) {
    const walk = { isSecret: () => false, urls: (text: string) => text, command: (words: readonly string[]) => words, paths: [], visitor };
    return { value: maskJson(value, root, walk) as typeof value, paths: [] };
  },
};

/** The masker with the standard names. */
export const standardRedactor = createRedactor();

/** Masks what looks like a secret in a line of text. */
export const redactText = standardRedactor.text;

function standsForSecret(name: string, value: JsonValue, names: SecretNames): boolean {
  if (value === null || value === '' || typeof value === 'boolean') return false;
  if (!names.has(name)) return false;
  const aGroup = typeof value === 'object' && !Array.isArray(value) && names.isCommonWord(name);
  return !aGroup;
}
