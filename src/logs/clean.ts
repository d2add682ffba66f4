import { stripVTControlCharacters } from 'node:util';
import type { Json, JsonObject } from '../events/types.ts';

/** Longest message, in bytes. */
export const maxMessageBytes = 16 << 10;

export type Redact = (text: string) => string;

/** What a person reads of the bytes of a line: valid UTF-8 without colours and control characters. What stands before a carriage return is overwritten. */
export function cleanText(bytes: Buffer): string {
  const text = lastState(bytes).toString('utf8');
  // Most lines have nothing to strip: one look is cheaper than two replacements.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (!/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above; the tab stays
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '');
}

const carriageReturn = 13;

/** A carriage return begins the line anew, as a terminal shows it: the last state that has text is what is kept. */
export function lastState(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === carriageReturn) end--;
  const start = end === 0 ? -1 : bytes.lastIndexOf(carriageReturn, end - 1);
  return start < 0 ? bytes : bytes.subarray(start + 1);
}

/** The first bytes of a line that is too long, without the character that the cut went through. */
export function cutBytes(bytes: Buffer): Buffer {
  let end = maxMessageBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** Masks the values of structured fields: each is judged with its name before it, as it would stand in a text. */
export function redactFields(fields: JsonObject, redact: Redact): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redactValue(name, value, redact)]));
}

function redactValue(name: string, value: Json, redact: Redact): Json {
  if (typeof value === 'string') {
    const masked = redact(value);
    if (masked !== value) return masked;
    const pair = `${name}=${value}`;
    return value !== '' && redact(pair) !== pair ? '***' : value;
  }
  if (Array.isArray(value)) return value.map((item: Json) => redactValue(name, item, redact));
  if (typeof value === 'object' && value !== null) return redactFields(value as JsonObject, redact);
  return value;
}
