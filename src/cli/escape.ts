/**
 * What a server says must not drive the terminal that shows it: C0, DEL, C1, and the marks that turn the direction of text.
 * Line breaks too, so that one entry stays one line (where it may have several: `printableLines`).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** For tables, lines and messages. */
export function printable(text: string): string {
  return text.replace(unsafe, (c) => short[c] ?? `\\x${hex(c, 2)}`);
}

/** The lines of a text that may have several, each printable by itself; line breaks at its end count for nothing. */
export function printableLines(text: string): string[] {
  return text
    .replace(/[\r\n]+$/, '')
    .split(/\r\n|[\n\u2028\u2029]/)
    .map(printable);
}

const beyondJson = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** For JSON text and double-quoted YAML, which escape C0 by themselves: the value stays the same. */
export function escapeBeyondJson(text: string): string {
  return text.replace(beyondJson, (c) => `\\u${hex(c, 4)}`);
}

/** Whether YAML must write it in double quotes for `escapeBeyondJson` to be right. */
export function needsQuotes(text: string): boolean {
  return text.search(unsafe) >= 0;
}

function hex(c: string, digits: number): string {
  return c.charCodeAt(0).toString(16).padStart(digits, '0');
}
