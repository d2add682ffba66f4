import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../events/types.ts';
import { mask } from '../kernel/redaction.ts';
import { maskText, maskWord } from '../settings/index.ts';
import { isObject } from './paths.ts';

/** The value at a dotted path as it may be shown. */
export function masked(path: string, value: Json): Json {
  if (typeof value === 'string') return maskText(path, value);
  if (Array.isArray(value)) return maskedList(path, value);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(`${path}.${name}`, item)]));
  return maskText(path, String(value)) === String(value) ? value : mask;
}

function maskedList(path: string, list: readonly Json[]): Json[] {
  return list.map((item, index) => {
    const before = list[index - 1];
    return typeof item === 'string' ? maskWord(path, item, typeof before === 'string' ? before : undefined) : masked(path, item);
  });
}

/** Whether something of it stands for a secret. */
export function hasMask(value: Json): boolean {
  if (typeof value === 'string') return value.includes(mask);
  return Array.isArray(value) ? value.some(hasMask) : isObject(value) && Object.values(value).some(hasMask);
}

/**
 * What was shown masked, given back: whatever of `value` is the masked form of something in `kept` becomes that again. A text that
 * was changed around its mask stays as it is: a secret must not follow to a place that its owner did not choose.
 */
export function unmasked(path: string, value: Json, kept: Json): Json {
  if (!hasMask(value)) return value;
  if (isDeepStrictEqual(value, masked(path, kept)) || value === mask) return kept;
  if (Array.isArray(value)) {
    const olds = Array.isArray(kept) ? kept : [];
    const shown = maskedList(path, olds);
    return value.map((item, index) =>
      typeof item === 'string'
        ? wordOf(olds, shown, [value[index - 1], item])
        : unmasked(path, item, counterpart(item, index, { olds, path })),
    );
  }
  if (!isObject(value)) return value;
  const old = isObject(kept) ? kept : {};
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      Object.hasOwn(old, name) ? unmasked(`${path}.${name}`, item, old[name] ?? null) : item,
    ]),
  );
}

/** The item of the old list that a new one stands for: equal when masked, of the same name, else at the same place. */
function counterpart(item: Json, index: number, { olds, path }: { readonly olds: readonly Json[]; readonly path: string }): Json {
  const equal = olds.find((old) => isDeepStrictEqual(masked(path, old), item));
  if (equal !== undefined) return equal;
  const name = isObject(item) ? item['name'] : undefined;
  const named = name === undefined ? undefined : olds.find((old) => isObject(old) && old['name'] === name);
  return named ?? (name === undefined ? (olds[index] ?? null) : null);
}

/** The old word that a masked one stands for: what is the same when masked, and behind the same word. */
function wordOf(olds: readonly Json[], shown: readonly Json[], [before, word]: readonly [Json | undefined, Json]): Json {
  const at = shown.findIndex((old, i) => old === word && shown[i - 1] === before);
  return olds[at] ?? word;
}
