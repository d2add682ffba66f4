/**
 * Finds secrets by the names they stand under, and by the userinfo of URLs, and puts `***` in their place: in JSON-like
 * values (events, documents), in text (log lines) and in argument vectors. The one masker: whoever shows something uses it.
 */
import { maskCommand } from './mask-command.ts';
import { mask, maskText, maskUrls } from './mask-text.ts';
import { createSecretNames, defaultSecretNames, type SecretNames } from './secret-names.ts';

export { mask } from './mask-text.ts';
export { defaultSecretNames } from './secret-names.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface Redactor {
  /** Whether a text under this name is a secret: `db_password`, `authToken`, `X-Api-Key`; not `token_count`. */
  isSecretName(name: string): boolean;
  /** Whether this value is one: under such a name a flag, an absence (`has_password: true`) or the settings of `auth: {…}` are none. */
  isSecret(name: string, value: JsonValue): boolean;
  /** Answers `value` itself where nothing is secret, else a copy. `paths` name what was masked, below `root`: `data.users[0].token`. */
  json<T extends JsonValue>(value: T, root: string): { readonly value: T; readonly paths: readonly string[] };
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
  const isSecret = (name: string, value: JsonValue): boolean => tellsSecret(name, value, secretNames);
  const urls = (text: string): string => maskUrls(text, secretNames);
  const command = (words: readonly string[]): readonly string[] => maskCommand(words, secretNames);
  return {
    isSecretName: secretNames.has,
    isSecret,
    json(value, root) {
      const paths: string[] = [];
      return { value: maskJson(value, root, { isSecret, urls, command, paths }) as typeof value, paths };
    },
    text: (text) => maskText(text, secretNames),
    urls,
    command,
  };
}

/** The masker with the standard names. */
export const standardRedactor = createRedactor();

/** Masks what looks like a secret in a line of text. */
export const redactText = standardRedactor.text;

function tellsSecret(name: string, value: JsonValue, names: SecretNames): boolean {
  if (value === null || value === '' || typeof value === 'boolean') return false;
  const aGroup = typeof value === 'object' && !Array.isArray(value) && names.isCommonWord(name);
  return !aGroup && names.has(name);
}

interface Walk {
  readonly isSecret: Redactor['isSecret'];
  readonly urls: Redactor['urls'];
  readonly command: Redactor['command'];
  readonly paths: string[];
}

/** `data.command`, `config.args`: lists of words whose meaning depends on the word before. */
function isArgumentVector(path: string, value: readonly JsonValue[]): boolean {
  return (
    /\.(?:command|cmd|cmdline|args|argv|arguments|env|environment|headers)$/i.test(path) && value.every((item) => typeof item === 'string')
  );
}

function maskArguments(command: readonly string[], path: string, walk: Walk): readonly string[] {
  const masked = walk.command(command);
  for (const [i, word] of masked.entries()) if (word !== command[i]) walk.paths.push(`${path}[${i}]`);
  return masked;
}

function maskJson(value: JsonValue, path: string, walk: Walk): JsonValue {
  if (typeof value === 'string') {
    const masked = walk.urls(value);
    if (masked !== value) walk.paths.push(path);
    return masked;
  }
  if (typeof value !== 'object' || value === null) return value;
  const before = walk.paths.length;
  if (Array.isArray(value)) {
    const items = isArgumentVector(path, value)
      ? maskArguments(value.map(String), path, walk)
      : value.map((item: JsonValue, i) => maskJson(item, `${path}[${i}]`, walk));
    return walk.paths.length === before ? value : items;
  }
  // fromEntries defines own properties, so that even a key `__proto__` stays what it was.
  const entries = Object.entries(value).map(([key, item]) => [key, maskField(key, item, { path: `${path}.${key}`, walk })] as const);
  return walk.paths.length === before ? value : Object.fromEntries(entries);
}

function maskField(key: string, value: JsonValue, at: { readonly path: string; readonly walk: Walk }): JsonValue {
  if (!at.walk.isSecret(key, value)) return maskJson(value, at.path, at.walk);
  if (value !== mask) at.walk.paths.push(at.path);
  return mask;
}
