import { type Assignment, assignment } from './assignments.ts';
import { Failure, usage } from './failure.ts';
import { isDocument, valueOfKey } from './key-path.ts';

/** `api.allowed_hosts+=a`, `api.allowed_hosts-=a`, `alerts.rules[0].count=5`: a change of a list that stands in the document. */
const form = /^(?<key>[^=[\]+]+?)(?:(?<sign>[+-])|\[(?<index>\d{1,6})\](?:\.(?<below>[^=[\]]+))?)=(?<value>.*)$/s;

/** What a word of `config set` amounts to in this document: list changes become the whole list. Throws Failure. */
export function assignmentIn(document: unknown, word: string): Assignment {
  const { key = '', sign, index, below, value = '' } = form.exec(word)?.groups ?? {};
  if (key === '') return assignment(word);
  const list = valueOfKey(document, key);
  if (list !== undefined && !Array.isArray(list)) throw usage(`${key} is no list`, `Set it whole: ${key}=VALUE.`);
  const before: readonly unknown[] = list ?? [];
  if (JSON.stringify(before).includes('***')) {
    throw usage(
      `${key} holds a secret, which is not shown, so that its items cannot be changed one by one`,
      'Set the whole list, or edit the file.',
    );
  }
  const item = assignment(`${key}=${value}`);
  const after =
    sign === undefined ? replaced({ key, before, index: Number(index), below }, item.value) : added(before, { sign, key }, item.value);
  return { path: item.path, value: after, json: JSON.stringify(after) };
}

function added(before: readonly unknown[], { sign, key }: { sign: string; key: string }, value: unknown): readonly unknown[] {
  const same = (other: unknown): boolean => JSON.stringify(other) === JSON.stringify(value);
  if (sign === '+') return before.some(same) ? before : [...before, value];
  const after = before.filter((other) => !same(other));
  if (after.length === before.length) throw new Failure(1, `${key} has no ${JSON.stringify(value)}`, { reason: 'NOT_IN_LIST' });
  return after;
}

interface Place {
  readonly key: string;
  readonly before: readonly unknown[];
  readonly index: number;
  readonly below: string | undefined;
}

function replaced({ key, before, index, below }: Place, value: unknown): readonly unknown[] {
  const item = before[index];
  if (item === undefined) throw new Failure(1, `${key} has ${before.length} items, and no number ${index}`, { reason: 'NOT_IN_LIST' });
  return before.map((other, i) => {
    if (i !== index) return other;
    return below === undefined ? value : withValue(other, below.split('.'), value);
  });
}

function withValue(at: unknown, [name = '', ...rest]: readonly string[], value: unknown): unknown {
  const known = isDocument(at) ? at : {};
  return { ...known, [name]: rest.length === 0 ? value : withValue(known[name], rest, value) };
}
