import { dotted, type Keys } from '../../documents/index.ts';
import { maxValues } from './config-json.ts';
import { nameFolder } from './key-pattern.ts';

/** A value of a config and where it stands. */
export interface ConfigNode {
  readonly value: unknown;
  /** As written: `inbounds[0].tls`. To be asked for at once. */
  readonly path: () => string;
  /** The same as a list. To be read at once. */
  readonly keys: Keys;
  /** Names around it, folded, without indices: what patterns are matched against. */
  readonly names: readonly string[];
  /** The last of them as it is written. */
  readonly key: string;
  /** The `type` beside it; empty where there is none. */
  readonly type: string;
}

/** Calls `visit` for every value below the top, tables and lists included. False when there are more than anybody can look at. */
export function walkConfig(document: unknown, visit: (node: ConfigNode) => void): boolean {
  const path: (string | number)[] = [];
  const names: string[] = [];
  let key = '';
  const fold = nameFolder();
  // Aliases of YAML make one value count at each place where it is named.
  let left = maxValues;
  const enter = (value: unknown, type: string): boolean => {
    if (--left < 0) return false;
    if (path.length > 0) visit({ value, path: () => dotted(path), keys: path, names, key, type });
    if (typeof value !== 'object' || value === null) return true;
    return Array.isArray(value) ? list(value, type) : table(value);
  };
  const list = (items: readonly unknown[], type: string): boolean =>
    items.every((item, index) => {
      path.push(index);
      const whole = enter(item, type);
      path.pop();
      return whole;
    });
  const table = (value: object): boolean => {
    const entries = Object.entries(value);
    const own = entries.find(([key]) => fold(key) === 'type')?.[1];
    return entries.every(([name, inner]) => {
      path.push(name);
      names.push(fold(name));
      key = name;
      const whole = enter(inner, typeof own === 'string' ? own : '');
      names.pop();
      path.pop();
      return whole;
    });
  };
  return enter(document, '');
}
