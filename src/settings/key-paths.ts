import { mask, standardRedactor } from '../kernel/redaction.ts';
import { aliases, type Key, type KeyType, keyTable } from './keys.ts';

const rows: ReadonlyMap<string, Key> = new Map(keyTable.map((row) => [row.path, row]));
/** Names stand after these; an id may have dots in it. */
const named = /^(?:processes|plugins)\.units\..+\.(?:env|http\.headers)\.([^.]+)$/;

/** The key to which a dotted path belongs: itself, or the one that holds all below it (`processes.units`). */
function rowOf(path: string): Key | undefined {
  const parts = path.replace(/\[\d+\]/g, '').split('.');
  for (let n = parts.length; n > 0; n--) {
    const row = rows.get(parts.slice(0, n).join('.'));
    if (row !== undefined) return row;
  }
  return undefined;
}

function withoutAlias(path: string): string {
  for (const [from, to] of aliases) if (path === from || path.startsWith(`${from}.`)) return to + path.slice(from.length);
  return path;
}

/** Whether a change at or below this dotted path takes effect without a restart; of a group, when all of its keys do. */
export function isLive(path: string): boolean {
  const key = withoutAlias(path);
  const row = rowOf(key);
  if (row !== undefined) return row.live === true;
  const below = keyTable.filter((other) => other.path.startsWith(`${key}.`));
  return below.length > 0 && below.every((other) => other.live === true);
}

/** The type of the key that a path is, or is a part of; undefined for a group of keys, and for what is no key. */
export function keyTypeAt(path: readonly string[], keys: readonly Key[] = keyTable): KeyType | undefined {
  const row = keys.find((one) => one.path.split('.').every((part, i) => part === path[i]));
  if (row?.type.kind !== 'units') return row?.type;
  const length = row.path.split('.').length;
  // Behind the id.
  return path.length > length + 1 ? keyTypeAt(path.slice(length + 1), row.type.keys) : row.type;
}

/** Whether a key stands at this path, or somewhere below it. */
export function isOnTheWay(path: readonly string[], keys: readonly Key[] = keyTable): boolean {
  return keys.some((row) => {
    const parts = row.path.split('.');
    if (!parts.slice(0, path.length).every((part, i) => part === path[i])) return false;
    if (path.length <= parts.length) return true;
    if (row.type.kind === 'units') return path.length === parts.length + 1 || isOnTheWay(path.slice(parts.length + 1), row.type.keys);
    return row.type.kind === 'texts';
  });
}

/** Whether the value at this dotted path is never shown. */
export function isSecret(path: string): boolean {
  const [, name] = named.exec(path) ?? [];
  return name === undefined ? rowOf(withoutAlias(path))?.type.kind === 'secret' : standardRedactor.isSecretName(name);
}

/** The text that stands at this dotted path as it may be shown: a secret as `***`, a URL without its userinfo and secret parameters. */
export function maskText(path: string, text: string): string {
  if (isSecret(path)) return mask;
  return named.test(path) ? standardRedactor.text(text) : standardRedactor.urls(text);
}

/** A word of the list at this dotted path, as maskText; what is a secret of an argument depends on the word before it. */
export function maskWord(path: string, word: string, before: string | undefined): string {
  return isSecret(path) ? mask : (standardRedactor.command(before === undefined ? [word] : [before, word]).at(-1) ?? '');
}
