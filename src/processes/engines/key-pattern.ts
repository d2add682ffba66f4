/**
 * A dotted path of keys: `*` is any one key or a part of one (`*_path`), `**` any number of keys, none included. Items of a list have the
 * path of the list. With `type` it holds only beside a `type` of that name.
 */
export type KeyPattern = string | { readonly path: string; readonly type: string };

/** Names as the engines' decoders compare them: Go folds case, the long s and the sign of Kelvin included; mihomo takes `_` for `-`. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k').replaceAll('_', '-');
}

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
  return (path, type) => {
    const text = path.map((part) => `${part}\0`).join('');
    return shape?.test(text) === true || typed.some((row) => row.type === type && row.shape.test(text));
  };
}
