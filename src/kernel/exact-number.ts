/**
 * Whether a number, as it is written in JSON or YAML, is the one that a program reads: a double has some 17 digits, and what it cannot hold
 * becomes another number in silence (`12345678901234567890`, `1e400`). `1.10` and `1.1` are the same number.
 */
export function isExactNumber(written: string): boolean {
  // Nothing of up to 15 digits without an exponent is ever rounded.
  if (written.length <= 15 && !/[eE]/.test(written)) return true;
  const value = Number(written);
  if (!Number.isFinite(value)) return false;
  const [mine, read] = [digitsOf(written), digitsOf(String(value))];
  return mine.digits === read.digits && (mine.digits === '' || mine.exponent === read.exponent);
}

/** As `0.DIGITS × 10^exponent`, without zeros at either end. */
function digitsOf(written: string): { readonly digits: string; readonly exponent: number } {
  const [, whole = '', fraction = '', power = '0'] = /^[-+]?(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/.exec(written) ?? [];
  const all = whole + fraction;
  const bare = all.replace(/^0+/, '');
  return { digits: bare.replace(/0+$/, ''), exponent: whole.length + Number(power) - (all.length - bare.length) };
}

/** The first number of a JSON text that would be rounded; undefined where all are as they are written. The text has been parsed before. */
export function roundedNumber(json: string): string | undefined {
  for (const [word] of json.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)) {
    if (!word.startsWith('"') && !isExactNumber(word)) return word;
  }
  return undefined;
}
