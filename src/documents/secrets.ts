import type { Json, JsonObject } from '../events/types.ts';
import type { Violation } from '../kernel/errors.ts';
import { mask, redactText } from '../kernel/redaction.ts';
import { isObject, mapObject, own } from './paths.ts';
import type { Place } from './places.ts';

/** Shorter ones stand in too many words. */
const shortestSecret = 4;

/** The value as it may be shown: secrets as `***`. */
export function maskValue(value: Json, place: Place): Json {
  if (place.isSecret(value)) return mask;
  if (typeof value === 'string') return place.shown(value);
  if (Array.isArray(value)) return value.map((item: Json, i) => maskItem(item, value[i - 1], place.child(i)));
  return isObject(value) ? maskObject(value, place) : value;
}

function maskItem(item: Json, before: Json | undefined, place: Place): Json {
  if (typeof item !== 'string' || place.isSecret(item) || !place.shownWord) return maskValue(item, place);
  return place.shownWord(item, typeof before === 'string' ? before : undefined);
}

export function maskObject(object: JsonObject, place: Place): JsonObject {
  return mapObject(object, (key, item) => maskValue(item, place.child(key)));
}

/** `text` (what a program says of its document) without the secrets of the document, and without what else looks like one. */
export function textWithout(text: string, document: JsonObject | undefined, place: Place): string {
  // The longest first: one may be a part of another.
  const known = secretValues(document ?? {}, place)
    .filter((value) => value.length >= shortestSecret && value !== mask)
    .sort((a, b) => b.length - a.length);
  return redactText(known.reduce((all, value) => (all.includes(value) ? all.replaceAll(value, mask) : all), text));
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

/** Paths below `path` of what is `***` as a whole. */
export function masksIn(value: Json, path: string): readonly string[] {
  if (value === mask) return [path];
  if (Array.isArray(value)) return value.flatMap((item: Json, i) => masksIn(item, `${path}[${i}]`));
  return isObject(value) ? Object.entries(value).flatMap(([key, item]) => masksIn(item, below(path, key))) : [];
}

export interface Restored<T extends Json> {
  readonly value: T;
  /** Names every `***` that stands for nothing; the value has it still. */
  readonly violations: readonly Violation[];
}

/**
 * Puts the stored secrets where `value` has `***` for them. In lists the counterpart of an item is the one with the same `id`, `name` or `tag`, else
 * the one that looks the same when masked, else, in a list of the same length, the one at the same place. A text that was changed around
 * its mask stays as it is: a secret must not follow to a place that its owner did not choose.
 */
export function restoreMasked<T extends Json>(
  value: T,
  stored: Json | undefined,
  at: { readonly place: Place; readonly path: string },
): Restored<T> {
  const violations: Violation[] = [];
  return { value: restoreValue(value, stored, { ...at, violations }) as T, violations };
}

interface RestoreAt {
  readonly place: Place;
  readonly path: string;
  readonly violations: Violation[];
}

function restoreValue(value: Json, stored: Json | undefined, at: RestoreAt): Json {
  if (value === mask) {
    if (stored !== undefined && at.place.isSecret(stored)) return stored;
    at.violations.push(nothingKept(at.path, 'no secret is stored at this place'));
    return value;
  }
  if (typeof value === 'string') return restoreText(value, stored, at);
  if (Array.isArray(value)) return restoreList(value, Array.isArray(stored) ? stored : undefined, at);
  if (!isObject(value)) return value;
  const before = isObject(stored) ? stored : undefined;
  return mapObject(value, (key, item) =>
    restoreValue(item, before && own(before, key), { ...at, place: at.place.child(key), path: below(at.path, key) }),
  );
}

function restoreText(value: string, stored: Json | undefined, at: RestoreAt): string {
  if (!value.includes(mask)) return value;
  if (typeof stored === 'string' && at.place.shown(stored) === value) return stored;
  if (/:\/\/\*\*\*@|:\/\/\S*=\*\*\*(?:[&#\s]|$)/.test(value)) {
    at.violations.push(nothingKept(at.path, 'the URL is another than the stored one'));
  }
  return value;
}

function restoreList(list: readonly Json[], stored: readonly Json[] | undefined, at: RestoreAt): Json {
  const counterpart = counterparts(list, stored ?? [], at.place);
  const word = words(list, stored ?? [], at.place);
  return list.map((item, i) => {
    const kept = word(item, i);
    if (kept !== undefined) return kept;
    const before = at.violations.length;
    const restored = restoreValue(item, counterpart(item, i), { ...at, place: at.place.child(i), path: `${at.path}[${i}]` });
    if (stored !== undefined && stored.length !== list.length) blameList(at.violations, before);
    return restored;
  });
}

/** Finds the stored word that a masked one stands for: what is the same when masked, and behind the same word (`--token ***`). */
function words(list: readonly Json[], stored: readonly Json[], place: Place): (item: Json, index: number) => Json | undefined {
  if (!list.some((item) => typeof item === 'string' && item.includes(mask))) return () => undefined;
  const keyOf = (before: Json | undefined, word: Json): string => JSON.stringify([before ?? null, word]);
  const shown = stored.map((item, i) => maskItem(item, stored[i - 1], place.child(i)));
  const known = new Map<string, Json | undefined>();
  for (const [i, word] of shown.entries())
    known.set(keyOf(shown[i - 1], word), known.has(keyOf(shown[i - 1], word)) ? undefined : stored[i]);
  return (item, index) => {
    const before = list[index - 1];
    const named = typeof before === 'string' && !before.includes(mask);
    return typeof item === 'string' && item.includes(mask) && named ? known.get(keyOf(before, item)) : undefined;
  };
}

/** In a list the reason is the list. */
function blameList(violations: Violation[], from: number): void {
  for (const [i, violation] of violations.entries()) {
    if (i >= from) violations[i] = nothingKept(violation.field, 'the list has another length, and no stored item has the same id or name');
  }
}

/** Finds the stored item that an item of the new list stands for. */
function counterparts(list: readonly Json[], stored: readonly Json[], place: Place): (item: Json, index: number) => Json | undefined {
  const named = new Map<string, Json | undefined>();
  for (const item of stored) {
    const identity = identityOf(item);
    // Two of one name are nobody's counterpart.
    if (identity !== undefined) named.set(identity, named.has(identity) ? undefined : item);
  }
  let masked: Map<string, Json | undefined> | undefined;
  /** By what they look like when masked; two that look the same are nobody's counterpart. */
  const alike = (): ReadonlyMap<string, Json | undefined> => {
    if (masked !== undefined) return masked;
    masked = new Map();
    for (const [i, old] of stored.entries()) {
      const shape = JSON.stringify(maskValue(old, place.child(i)));
      masked.set(shape, masked.has(shape) ? undefined : old);
    }
    return masked;
  };
  return (item, index) => {
    if (!hasMask(item)) return undefined;
    const identity = identityOf(item);
    // An item that names itself never gets the secret of another, wherever it stands.
    if (identity !== undefined) return named.get(identity);
    const twin = hasMore(item) ? alike().get(JSON.stringify(item)) : undefined;
    if (twin !== undefined) return twin;
    return stored.length === list.length ? stored[index] : undefined;
  };
}

/** Whether there is anything but secrets to know it by. */
function hasMore(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return value !== null && !hasMask(value);
  return Object.values(value).some((item: Json) => hasMore(item));
}

/** `id`, else `name`, else `tag`, with its type. */
function identityOf(item: Json): string | undefined {
  if (!isObject(item)) return undefined;
  for (const key of ['id', 'name', 'tag']) {
    const value = own(item, key);
    if ((typeof value === 'string' && value !== mask && value !== '') || typeof value === 'number')
      return `${key}=${JSON.stringify(value)}`;
  }
  return undefined;
}

function nothingKept(field: string, why: string): Violation {
  return { field, rule: 'secret', message: `*** keeps a stored secret, but ${why}; give the value itself` };
}

/** Names of keys come from outside: a path shows so much of one. */
function below(path: string, key: string): string {
  return `${path}.${key.slice(0, 64)}`;
}
