import { isAbsolute, resolve } from 'node:path';
import { formatDuration, parseDuration } from '../kernel/duration.ts';
import { formatSize, parseSize } from '../kernel/size.ts';
import type { KeyType } from './keys.ts';

/** A value that was understood (durations in ms, sizes in bytes), or what is wrong with it and what would be right. */
export type Understood = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

const good = (value: unknown): Understood => ({ ok: true, value });
const bad = (problem: string): Understood => ({ ok: false, problem });
const show = (value: unknown): string => JSON.stringify(value) ?? String(value);

function number(value: unknown, type: { readonly min: number; readonly max: number }, whole: boolean): Understood {
  const what = `${whole ? 'a whole number' : 'a number'} from ${type.min} to ${type.max}`;
  if (typeof value !== 'number' || !Number.isFinite(value) || (whole && !Number.isInteger(value)))
    return bad(`${show(value)} is not ${what}`);
  return value < type.min || value > type.max ? bad(`${value} is out of range; give ${what}`) : good(value);
}

function duration(value: unknown, type: { readonly minMs: number; readonly maxMs: number }): Understood {
  const ms = typeof value === 'string' ? parseDuration(value) : value === 0 ? 0 : undefined;
  if (ms === undefined) return bad(`${show(value)} is not a duration; write it like 500ms, 30s, 5m, 2h, 7d or 1m30s`);
  if (ms < type.minMs || ms > type.maxMs)
    return bad(`${show(value)} is out of range; ${formatDuration(type.minMs)} to ${formatDuration(type.maxMs)}`);
  return good(ms);
}

function size(value: unknown, type: { readonly minBytes: number; readonly maxBytes: number }): Understood {
  const bytes = typeof value === 'string' ? parseSize(value) : typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
  if (bytes === undefined) return bad(`${show(value)} is not a size; write it like 64KiB, 1MiB or 512MiB`);
  if (bytes < type.minBytes || bytes > type.maxBytes)
    return bad(`${show(value)} is out of range; ${formatSize(type.minBytes)} to ${formatSize(type.maxBytes)}`);
  return good(bytes);
}

function mode(value: unknown): Understood {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^0?o?[0-7]{3}$/.test(text)
    ? good(Number.parseInt(text.replace('o', ''), 8))
    : bad(`${show(value)} is not a file mode; write it like '0660'`);
}

function list(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((v): v is string => typeof v === 'string') ? value : undefined;
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Reads one value by its type. `directory` is what relative paths start from. */
export function understand(type: KeyType, value: unknown, directory: string): Understood {
  switch (type.kind) {
    case 'string':
    case 'secret':
      return typeof value === 'string' && value !== ''
        ? good(value)
        : bad(`${type.kind === 'secret' ? 'the value' : show(value)} is not a text`);
    case 'path':
      return typeof value === 'string' && value !== '' ? good(resolve(directory, value)) : bad(`${show(value)} is not a path`);
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
      return mode(value);
    case 'choice':
      return typeof value === 'string' && type.values.includes(value)
        ? good(value)
        : bad(`${show(value)} is not one of ${type.values.join(', ')}`);
    case 'strings': {
      const texts = list(value);
      return texts === undefined ? bad(`${show(value)} is not a list of texts`) : good(texts);
    }
    case 'paths': {
      const paths = list(value);
      return paths?.every((p) => isAbsolute(p)) ? good(paths) : bad(`${show(value)} is not a list of absolute paths`);
    }
    case 'units':
      return bad(`${show(value)} is not a mapping of units`);
    case 'later':
      return isEmpty(value) ? good(value) : bad('not supported by this version; remove it');
  }
}

/** The text of an environment variable as the value that a file would hold. */
export function fromEnvironment(type: KeyType, text: string): unknown {
  switch (type.kind) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'strings':
    case 'paths':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    default:
      return text;
  }
}

/** The value in the notation of the configuration. */
export function notation(type: KeyType, value: unknown): unknown {
  if (typeof value === 'number' && type.kind === 'duration') return formatDuration(value);
  if (typeof value === 'number' && type.kind === 'size') return formatSize(value);
  if (typeof value === 'number' && type.kind === 'mode') return `0${value.toString(8)}`;
  return type.kind === 'secret' && typeof value === 'string' ? '***' : value;
}
