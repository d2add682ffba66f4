/** How deep JSON nests, found before it is parsed: a cheap scan over its bytes. */

const quote = 0x22;
const backslash = 0x5c;

/** Whether arrays and objects nest deeper than `max`. The text need not be valid. */
export function isTooDeep(json: Uint8Array, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index];
    if (inString) {
      if (byte === backslash) index += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > max) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}
