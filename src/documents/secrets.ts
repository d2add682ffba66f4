import type { Json, JsonObject } from '../events/types.ts';
import type { Violation } from '../kernel/errors.ts';
import { isObject } from '../kernel/is-object.ts';
import { createValueMasker, mask, redactText } from '../kernel/redaction.ts';
import { dotted, type Keys, mapObject, own, shortKey } from './paths.ts';
import type { Place } from './places.ts';

/** The value as it may be shown: secrets as `***`. */
export function maskValue(value: Json, place: Place): Json {
  if (place.isSecret(value)) return mask;
  if (typeof value === 'string') return place.shown(value);
  if (Array.isArray(value)) return value.map((item: Json, i) => maskItem(item, value[i - 1], place.child(i)));
  return isObject(value) ? maskObject(value, place) : value;
}

export function maskItem(item: Json, before: Json | undefined, place: Place): Json {
  if (typeof item !== 'string' || place.isSecret(item) || !place.shownWord) return maskValue(item, place);
  return place.shownWord(item, typeof before === 'string' ? before : undefined);
}

export function maskObject(object: JsonObject, place: Place): JsonObject {
  return mapObject(object, (key, item) => maskValue(item, place.child(key)));
}

/** `text` (what a program says of its document) without the secrets of the document, and without what else looks like one. */
export function textWithout(text: string, document: JsonObject | undefined, place: Place): string {
  const values = secretValues(document ?? {}, place).filter((value) => value !== mask);
  return redactText(createValueMasker(values)(text));
}

function secretValues(value: Json, place: Place): readonly string[] {
  if (place.isSecret(value)) return scalars(value);
  if (Array.isArray(value)) return value.flatMap((item: Json, i) => secretValues(item, place.child(i)));
  return isObject(value) ? Object.entries(value).flatMap(([key, item]) => secretValues(item, place.child(key))) : [];
}

function scalars(value: Json): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(scalars) : [];
}

/** Whether something of it stands for a secret. */
export function hasMask(value: Json): boolean {
  if (typeof value === 'string') return value.includes(mask);
  return Array.isArray(value) ? value.some(hasMask) : isObject(value) && Object.values(value).some(hasMask);
}

/** Places of what is `***` as a whole. */
export function masksIn(value: Json, keys: Keys = []): readonly Keys[] {
  if (value === mask) return [keys];
  if (Array.isArray(value)) return value.flatMap((item: Json, i) => masksIn(item, [...keys, i]));
  return isObject(value) ? Object.entries(value).flatMap(([key, item]) => masksIn(item, [...keys, key])) : [];
}

export interface Restored<T extends Json> {
  readonly value: T;
  /** What was put back: where it stands now, and where it is stored. */
  readonly kept: readonly { readonly keys: Keys; readonly from: Keys }[];
  /** Names every `***` that stands for nothing; the value has it still. */
  readonly violations: readonly Violation[];
}

export interface RestoreOptions {
  readonly place: Place;
  /** Places of the stored value, where they are told otherwise than those of the new one. Default: the same. */
  readonly stored?: Place;
  /** Name of the document in violations. Default: none. */
  readonly root?: string;
}

/**
 * Puts the stored secrets where `value` has `***` for them. In lists the counterpart of an item is the one of the same name, else
 * the one that looks the same when masked, else, in a list of the same length, the one at the same place. A text that was changed around
 * its mask stays as it is: a secret must not follow to a place that its owner did not choose.
 */
export function restoreMasked<T extends Json>(value: T, stored: Json | undefined, options: RestoreOptions): Restored<T> {
  const { place, stored: old = place, root } = options;
  const run: Run = { kept: [], violations: [], root: root === undefined ? [] : [root] };
  return { ...run, value: restoreValue(value, stored, { place, old, keys: [], from: [] }, run) as T };
}

interface Run {
  readonly kept: { readonly keys: Keys; readonly from: Keys }[];
  readonly violations: Violation[];
  readonly root: Keys;
}

/** Where a value stands, and where its stored counterpart does: a secret comes back only from one secret place to another. */
interface At {
  readonly place: Place;
  readonly old: Place;
  readonly keys: Keys;
  readonly from: Keys;
}

function below({ place, old, keys, from }: At, key: string | number, stored = key): At {
  return { place: place.child(key), old: old.child(stored), keys: [...keys, key], from: [...from, stored] };
}

function keep<T extends Json>(stored: T, { keys, from }: At, { kept }: Run): T {
  kept.push({ keys, from });
  return stored;
}

function restoreValue(value: Json, stored: Json | undefined, at: At, run: Run): Json {
  if (value === mask) {
    if (stored !== undefined && at.place.isSecret(stored) && at.old.isSecret(stored)) return keep(stored, at, run);
    refuse('no secret is stored at this place', at, run);
    return value;
  }
  if (typeof value === 'string') return restoreText(value, stored, at, run);
  if (Array.isArray(value)) return restoreList(value, Array.isArray(stored) ? stored : undefined, at, run);
  if (!isObject(value)) return value;
  const before = isObject(stored) ? stored : undefined;
  return mapObject(value, (key, item) => restoreValue(item, before && own(before, key), below(at, key), run));
}

function restoreText(value: string, stored: Json | undefined, at: At, run: Run): string {
  if (!value.includes(mask)) return value;
  if (typeof stored === 'string' && at.old.shown(stored) === value) return keep(stored, at, run);
  if (/:\/\/\*\*\*@|:\/\/\S*=\*\*\*(?:[&#\s]|$)/.test(value)) refuse('the URL is another than the stored one', at, run);
  return value;
}

function restoreList(list: readonly Json[], old: readonly Json[] | undefined, at: At, run: Run): Json {
  const stored = old ?? [];
  const itemFor = counterparts(list, stored, at.old);
  const wordFor = words(list, stored, at.old);
  return list.map((item, i) => {
    const word = wordFor(item, i);
    if (word !== undefined) return keep(stored[word] as Json, below(at, i, word), run);
    const before = run.violations.length;
    const index = itemFor(item, i) ?? -1;
    const restored = restoreValue(item, stored[index], below(at, i, index), run);
    if (old !== undefined && old.length !== list.length) blameList(run.violations, before);
    return restored;
  });
}

/** Finds the stored word that a masked one stands for: what is the same when masked, and behind the same word (`--token ***`). */
function words(list: readonly Json[], stored: readonly Json[], place: Place): (item: Json, index: number) => number | undefined {
  if (!list.some((item) => typeof item === 'string' && item.includes(mask))) return () => undefined;
  const keyOf = (before: Json | undefined, word: Json | undefined): string => JSON.stringify([before ?? null, word]);
  const shown = stored.map((item, i) => maskItem(item, stored[i - 1], place.child(i)));
  const known = indexBy(shown, (word, i) => keyOf(shown[i - 1], word));
  return (item, index) => {
    if (typeof item !== 'string' || !item.includes(mask)) return undefined;
    const before = list[index - 1];
    const named = typeof before === 'string' && !before.includes(mask) ? known.get(keyOf(before, item)) : undefined;
    return named ?? (stored.length === list.length && typeof stored[index] === 'string' && shown[index] === item ? index : undefined);
  };
}

/** In a list the reason is the list. */
function blameList(violations: Violation[], from: number): void {
  for (const [i, violation] of violations.entries()) {
    if (i >= from) violations[i] = nothingKept(violation.field, 'the list has another length, and no stored item has the same id or name');
  }
}

/** Finds the stored item that an item of the new list stands for. */
function counterparts(list: readonly Json[], stored: readonly Json[], place: Place): (item: Json, index: number) => number | undefined {
  const named = indexBy(stored, (item) => identityOf(item));
  let alike: ReadonlyMap<string, number | undefined> | undefined;
  return (item, index) => {
    if (!hasMask(item)) return undefined;
    const identity = identityOf(item);
    // An item that names itself never gets the secret of another, wherever it stands.
    if (identity !== undefined) return named.get(identity);
    if (hasMore(item)) alike ??= indexBy(stored, (old, i) => JSON.stringify(maskValue(old, place.child(i))));
    const twin = hasMore(item) ? alike?.get(JSON.stringify(item)) : undefined;
    return twin ?? (stored.length === list.length ? index : undefined);
  };
}

/** The index of each item by what it is known by: two of one are nobody's counterpart. */
function indexBy<T>(items: readonly T[], keyOf: (item: T, index: number) => string | undefined): ReadonlyMap<string, number | undefined> {
  const found = new Map<string, number | undefined>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item, index);
    if (key !== undefined) found.set(key, found.has(key) ? undefined : index);
  }
  return found;
}

/** Whether there is anything but secrets to know it by. */
function hasMore(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return value !== null && !hasMask(value);
  return Object.values(value).some((item: Json) => hasMore(item));
}

/** What an item of a list is told apart by, the first that it has: a secret must not follow its index to another item. */
const names = ['id', 'name', 'tag', 'email', 'username', 'user'];

/** The first name that it has, with its type. */
function identityOf(item: Json): string | undefined {
  if (!isObject(item)) return undefined;
  for (const key of names) {
    const value = own(item, key);
    if ((typeof value === 'string' && value !== '' && !value.includes(mask)) || typeof value === 'number')
      return `${key}=${JSON.stringify(value)}`;
  }
  return undefined;
}

function refuse(why: string, { keys }: At, { violations, root }: Run): void {
  violations.push(nothingKept(dotted([...root, ...keys].map(shortKey)), why));
}

function nothingKept(field: string, why: string): Violation {
  return { field, rule: 'secret', message: `*** keeps a stored secret, but ${why}; give the value itself` };
}
