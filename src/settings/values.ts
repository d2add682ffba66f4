import { isAbsolute, resolve } from 'node:path';
import { formatDuration, parseDuration } from '../kernel/duration.ts';
import { mask, redactText } from '../kernel/redaction.ts';
import { formatSize, parseSize } from '../kernel/size.ts';
import type { Form, KeyType } from './keys.ts';
import { type Fault, type Rule, short } from './problems.ts';

/** A value that was understood (durations in ms, sizes in bytes), or what is wrong with it and what would be right. */
export type Understood = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: Fault };

const good = (value: unknown): Understood => ({ ok: true, value });
const bad = (message: string, rule: Rule = 'type'): Understood => ({ ok: false, fault: { rule, message } });
const outside = (message: string): Understood => bad(message, 'range');
const show = (value: unknown): string => short(redactText(JSON.stringify(value) ?? String(value)));

/** A value as YAML takes it, and the scalars as they are written. */
export interface Written {
  readonly value: unknown;
  readonly words: readonly string[];
}

function number(value: unknown, type: { readonly min: number; readonly max: number }, whole: boolean): Understood {
  const what = `${whole ? 'a whole number' : 'a number'} from ${type.min} to ${type.max}`;
  if (typeof value !== 'number' || !Number.isFinite(value) || (whole && !Number.isInteger(value)))
    return bad(`${show(value)} is not ${what}`);
  return value < type.min || value > type.max ? outside(`${value} is out of range; give ${what}`) : good(value);
}

function duration(value: unknown, type: { readonly minMs: number; readonly maxMs: number }): Understood {
  const ms = typeof value === 'string' ? parseDuration(value) : value === 0 ? 0 : undefined;
  if (ms === undefined) return bad(`${show(value)} is not a duration; write it like 500ms, 30s, 5m, 2h, 7d or 1m30s`);
  if (ms < type.minMs || ms > type.maxMs)
    return outside(`${show(value)} is out of range; ${formatDuration(type.minMs)} to ${formatDuration(type.maxMs)}`);
  return good(ms);
}

function size(value: unknown, type: { readonly minBytes: number; readonly maxBytes: number }): Understood {
  const bytes = typeof value === 'string' ? parseSize(value) : typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
  if (bytes === undefined) return bad(`${show(value)} is not a size; write it like 64KiB, 1MiB or 512MiB`);
  if (bytes < type.minBytes || bytes > type.maxBytes)
    return outside(`${show(value)} is out of range; ${formatSize(type.minBytes)} to ${formatSize(type.maxBytes)}`);
  return good(bytes);
}

/** Octal however it is written: 0660 is the decimal 660 to YAML, 0o660 is octal, '0660' a text. */
function mode({ value, words }: Written): Understood {
  const [word = ''] = words;
  const fits = (typeof value === 'number' || typeof value === 'string') && /^(0o?)?[0-7]{3}$/.test(word);
  return fits ? good(Number.parseInt(word.replace('o', ''), 8)) : bad(`${show(value)} is not a file mode; write it like '0660'`);
}

function text(value: unknown, form: Form | undefined): Understood {
  if (typeof value !== 'string' || value === '') return bad(`${show(value)} is not a text; write it in quotes`);
  return form === undefined || form.pattern.test(value) ? good(value) : bad(`${show(value)} is not ${form.what}; correct it`);
}

/** A list of texts; numbers and words such as true count as they are written (`[sleep, 300]`). */
function list({ value, words }: Written, form?: Form): Understood {
  if (!Array.isArray(value)) return bad(`${show(value)} is not a list of texts; write [one, two]`);
  const wrong = value.find((item) => !['string', 'number', 'boolean'].includes(typeof item));
  if (wrong !== undefined) return bad(`${show(wrong)} is not a text; write it in quotes`);
  const unfit = words.find((word) => form?.pattern.test(word) === false);
  return unfit === undefined ? good(words.slice(0, value.length)) : bad(`${show(unfit)} is not ${form?.what}; correct it`);
}

function absolute(paths: Understood): Understood {
  const wrong = paths.ok ? (paths.value as readonly string[]).find((p) => !isAbsolute(p)) : undefined;
  return wrong === undefined ? paths : bad(`${show(wrong)} is not an absolute path; begin it with /`);
}

/** Statuses from `from` to `to`, ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

function statuses({ value, words }: Written): Understood {
  if (!Array.isArray(value) || value.length === 0) return bad(`${show(value)} is not a list of statuses; write [200-399]`);
  const ranges: StatusRange[] = [];
  for (const word of words) {
    const [, first, last = first] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word) ?? [];
    if (Number(first) <= Number(last)) ranges.push({ from: Number(first), to: Number(last) });
    else return outside(`${show(word)} is not a status or a range of them; write [204, 300-399]`);
  }
  return good(ranges);
}

/** `soft:hard`; one number is both. */
function rlimit({ value, words }: Written): Understood {
  const [word = ''] = words;
  const [, soft = '', hard = soft] = /^(\d{1,18}|unlimited)(?::(\d{1,18}|unlimited))?$/.exec(word) ?? [];
  if (soft === '' || typeof value === 'object') return bad(`${show(value)} is not a limit; write 65536, unlimited, or soft:hard`);
  const above = hard !== 'unlimited' && (soft === 'unlimited' || Number(soft) > Number(hard));
  return above ? outside(`${show(value)}: the soft limit is above the hard one`) : good(`${soft}:${hard}`);
}

/** A figure of a metric: those in bytes and seconds may be written as people say them. */
function threshold(value: unknown): Understood {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  const figure = typeof value !== 'string' ? value : ms === undefined ? parseSize(value) : ms / 1000;
  if (typeof figure === 'number' && Number.isFinite(figure)) return good(figure);
  return bad(`${show(value)} is not a number, a size such as 512MiB, or a duration such as 5s`);
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === null || value === '';
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(isEmpty);
}

function mapping(value: unknown, { names, values, masked }: Extract<KeyType, { kind: 'texts' }>): Understood {
  const record = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  // Its values may be secrets.
  if (record === undefined)
    return bad(`${typeof value === 'object' ? 'a list' : 'this'} is not a mapping of names to texts; write NAME: value`);
  const wrong = record.find(([name, item]) => !names.pattern.test(name) || typeof item !== 'string' || item.includes('\0'));
  if (wrong !== undefined) return bad(`${show(wrong[0])} is not ${names.what} with a text; write NAME: value`);
  const [unfit] = record.find(([, item]) => values?.pattern.test(String(item)) === false) ?? [];
  if (unfit !== undefined) return bad(`what stands under ${show(unfit)} is not ${values?.what}; correct it`);
  return good(Object.fromEntries(record.filter(([, item]) => !masked || item !== mask)));
}

/** Reads one value by its type. `directory` is what relative paths start from. */
export function understand(type: KeyType, written: Written, directory: string): Understood {
  const { value } = written;
  switch (type.kind) {
    case 'string':
      return value === '' && type.empty === true ? good(value) : text(value, type.form);
    case 'secret':
      return typeof value === 'string' && value !== '' ? good(value) : bad('not a text; write it in quotes');
    case 'path':
      return typeof value === 'string' && value !== '' && !value.includes('\0')
        ? good(resolve(directory, value))
        : bad(`${show(value)} is not a path`);
    case 'boolean':
      return typeof value === 'boolean' ? good(value) : bad(`${show(value)} is neither true nor false`);
    case 'integer':
      return number(value, type, true);
    case 'number':
      return number(value, type, false);
    case 'duration':
      return duration(value, type);
    case 'size':
      return size(value, type);
    case 'mode':
      return mode(written);
    case 'choice': {
      // To YAML 1.1 `no` is false, and its writers know the restart policy by no other name.
      const word = value === false && type.values.includes('no') ? 'no' : value;
      return typeof word === 'string' && type.values.includes(word)
        ? good(word)
        : bad(`${show(value)} is not one of ${type.values.join(', ')}`, typeof word === 'string' ? 'range' : 'type');
    }
    case 'strings':
      return list(written, type.form);
    case 'paths':
      return absolute(list(written));
    case 'texts':
      return mapping(value, type);
    case 'statuses':
      return statuses(written);
    case 'threshold':
      return threshold(value);
    case 'list':
      return bad(`${show(value)} is not a list of mappings; write it in the file`);
    case 'units':
      return bad(`${show(value)} is not a mapping of units; write processes.units.<id>`);
    case 'rlimit':
      return rlimit(written);
    case 'empty':
      return typeof value === 'object' && isEmpty(value) ? good(true) : bad(`${show(value)} is not empty; write {}`);
  }
}

/** The text of an environment variable as the value that a file would hold. */
export function fromEnvironment(type: KeyType, text: string): Written {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  switch (type.kind) {
    case 'boolean':
      return { value: /^(true|True|TRUE)$/.test(text) ? true : /^(false|False|FALSE)$/.test(text) ? false : text, words: [text] };
    case 'integer':
    case 'number':
      return { value: /^[-+]?(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : text, words: [text] };
    case 'strings':
    case 'paths':
    case 'statuses':
      return { value: parts, words: parts };
    case 'texts':
      // `NAME=value,OTHER=value`
      return {
        value: Object.fromEntries(
          parts.map((part) => [part.split('=', 1)[0], part.includes('=') ? part.slice(part.indexOf('=') + 1) : undefined]),
        ),
        words: [],
      };
    default:
      return { value: text, words: [text] };
  }
}
