/** Masks secrets in JSON-like values. Nothing is copied and no path is written where there is nothing to mask: most values are clean. */
import { mask } from './mask-text.ts';
import type { JsonValue, Redactor } from './redaction.ts';

/** Where a value stands: a container of it, and its own key or index there. */
export interface JsonPlace {
  /** Levels of containers around it. */
  readonly depth: number;
  /** The path of a member of this container: `data.users[0]`. Written only when somebody asks. */
  path(key: string | number): string;
}

/** Sees every value and every key that a walk comes by, before anything is masked. */
export interface JsonVisitor {
  /** Answers whether the walk goes into it, where it is a container. */
  value(value: JsonValue, place: JsonPlace, key: string | number): boolean;
  key(key: string, place: JsonPlace): void;
}

export interface JsonWalk extends Pick<Redactor, 'isSecret' | 'urls' | 'command'> {
  /** Where something was masked. */
  readonly paths: string[];
  readonly visitor: JsonVisitor | undefined;
}

const joined = (path: string, key: string | number): string => (typeof key === 'number' ? `${path}[${key}]` : `${path}.${key}`);

export function maskJson(value: JsonValue, root: string, walk: JsonWalk): JsonValue {
  return maskValue(value, { depth: 0, path: () => root }, { key: root, walk });
}

interface Member {
  readonly key: string | number;
  readonly walk: JsonWalk;
}

function maskValue(value: JsonValue, place: JsonPlace, { key, walk }: Member): JsonValue {
  const deeper = walk.visitor === undefined || walk.visitor.value(value, place, key);
  if (typeof value === 'string') {
    const masked = walk.urls(value);
    if (masked !== value) walk.paths.push(place.path(key));
    return masked;
  }
  if (typeof value !== 'object' || value === null || !deeper) return value;
  const inside: JsonPlace = { depth: place.depth + 1, path: (member) => joined(place.path(key), member) };
  if (!Array.isArray(value)) return maskFields(value as { readonly [key: string]: JsonValue }, inside, walk);
  return place.depth > 0 && isArgumentVector(key, value) ? maskArguments(value.map(String), inside, walk) : maskItems(value, inside, walk);
}

function maskItems(items: readonly JsonValue[], place: JsonPlace, walk: JsonWalk): readonly JsonValue[] {
  let copy: JsonValue[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as JsonValue;
    const masked = maskValue(item, place, { key: i, walk });
    if (masked === item) continue;
    copy ??= [...items];
    copy[i] = masked;
  }
  return copy ?? items;
}

function maskFields(fields: { readonly [key: string]: JsonValue }, place: JsonPlace, walk: JsonWalk): JsonValue {
  // An own key `__proto__` stays what it was: fromEntries defines own properties.
  let changed: Map<string, JsonValue> | undefined;
  for (const key of Object.keys(fields)) {
    const item = fields[key] as JsonValue;
    walk.visitor?.key(key, place);
    const masked = maskField(item, place, { key, walk });
    if (masked === item) continue;
    changed ??= new Map();
    changed.set(key, masked);
  }
  if (changed === undefined) return fields;
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, changed.get(key) ?? item]));
}

function maskField(value: JsonValue, place: JsonPlace, member: Member & { readonly key: string }): JsonValue {
  const { key, walk } = member;
  if (!walk.isSecret(key, value)) return maskValue(value, place, member);
  if (walk.visitor?.value(value, place, key) === true) visitAll(value, place, member);
  if (value !== mask) walk.paths.push(place.path(key));
  return mask;
}

/** What is masked as a whole is judged all the same: a visitor sees what came, not what is kept. */
function visitAll(value: JsonValue, place: JsonPlace, { key, walk }: Member): void {
  if (typeof value !== 'object' || value === null) return;
  const inside: JsonPlace = { depth: place.depth + 1, path: (member) => joined(place.path(key), member) };
  const visitor = walk.visitor;
  if (visitor === undefined) return;
  for (const [member, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof member === 'string') visitor.key(member, inside);
    if (visitor.value(item, inside, member)) visitAll(item, inside, { key: member, walk });
  }
}

/** `data.command`, `config.args`: lists of words whose meaning depends on the word before. */
const vectorName = /^(?:command|cmd|cmdline|args|argv|arguments|env|environment|headers)$/i;

/** Whether a list under this key may be an argument vector. */
export function isVectorName(key: string): boolean {
  return vectorName.test(key);
}

function isArgumentVector(key: string | number, value: readonly JsonValue[]): boolean {
  return typeof key === 'string' && isVectorName(key) && value.every((item) => typeof item === 'string');
}

function maskArguments(command: readonly string[], place: JsonPlace, walk: JsonWalk): readonly string[] {
  for (const [i, word] of command.entries()) walk.visitor?.value(word, place, i);
  const masked = walk.command(command);
  let same = true;
  for (const [i, word] of masked.entries()) {
    if (word === command[i]) continue;
    same = false;
    walk.paths.push(place.path(i));
  }
  return same ? command : masked;
}
