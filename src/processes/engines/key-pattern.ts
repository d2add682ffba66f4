/**
 * A dotted path of keys: `*` is any one key or a part of one (`*_path`), `**` any number of keys, none included. Items of a list have the
 * path of the list. With `type` it holds only beside a `type` of that name.
 */
export type KeyPattern = string | { readonly path: string; readonly type: string };

/** Names as the engines' decoders compare them: Go folds case, the long s and the sign of Kelvin included; mihomo takes `_` for `-`. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k').replaceAll('_', '-');
}

/** `foldName` for a text with few names that stand in it many times. */
export function nameFolder(): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const answer = known.get(name) ?? foldName(name);
    if (known.size < maxKnown) known.set(name, answer);
    return answer;
  };
}

/** Paths and names that are remembered. */
const maxKnown = 10_000;

export type KeyTest = (path: readonly string[], type: string) => boolean;

function toSource(pattern: string): string {
  const parts = foldName(pattern)
    .split('.')
    .map((part) => (part === '**' ? '' : `${part.replace(/[\\^$+?()[\]{}|]/g, '\\$&').replaceAll('*', '[^\\0]*')}\\0`));
  return parts.map((part) => (part === '' ? '(?:[^\\0]*\\0)*' : part)).join('');
}

/** One test for a table of patterns. Paths are given folded (foldName), without indices. */
export function compileKeys(patterns: readonly KeyPattern[]): KeyTest {
  const plain = patterns.filter((pattern) => typeof pattern === 'string').map(toSource);
  const typed = patterns
    .filter((pattern) => typeof pattern !== 'string')
    .map(({ path, type }) => ({ type, shape: new RegExp(`^(?:${toSource(path)})$`) }));
  const shape = plain.length === 0 ? undefined : new RegExp(`^(?:${plain.join('|')})$`);
  // The ten thousand proxies of a list have the same few paths.
  const known = new Map<string, boolean>();
  return (path, type) => {
    const text = path.length === 0 ? '' : `${path.join('\0')}\0`;
    const key = `${type}\0\0${text}`;
    const answer = known.get(key);
    if (answer !== undefined) return answer;
    const judged = shape?.test(text) === true || typed.some((row) => row.type === type && row.shape.test(text));
    if (known.size < maxKnown) known.set(key, judged);
    return judged;
  };
}
