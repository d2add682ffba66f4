import { mask } from './mask-text.ts';

/** Letters by which a value is looked up; shorter values would mask half of every line. */
const keyLength = 4;

/** Masks given values wherever they stand in a text. Its cost does not grow with their number: a config may know thousands of users. */
export function createValueMasker(values: readonly string[]): (text: string) => string {
  const byKey = new Map<string, string[]>();
  for (const value of values) {
    if (value.length < keyLength) continue;
    const key = value.slice(0, keyLength);
    const known = byKey.get(key);
    if (known) known.push(value);
    else byKey.set(key, [value]);
  }
  // The longest first, so that none leaves a part of another behind.
  for (const list of byKey.values()) list.sort((a, b) => b.length - a.length);
  if (byKey.size === 0) return (text) => text;
  const firsts = new Set([...byKey.keys()].map((key) => key.charCodeAt(0)));
  return (text) => {
    let out = '';
    let kept = 0;
    for (let at = 0; at + keyLength <= text.length; at++) {
      if (!firsts.has(text.charCodeAt(at))) continue;
      const found = byKey.get(text.slice(at, at + keyLength))?.find((value) => text.startsWith(value, at));
      if (found === undefined) continue;
      out += text.slice(kept, at) + mask;
      kept = at + found.length;
      at = kept - 1;
    }
    return kept === 0 ? text : out + text.slice(kept);
  };
}
