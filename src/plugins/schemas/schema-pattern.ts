/** Regular expressions in schemas: ECMAScript's, as JSON Schema has it, and the harmless ways in which generators write them otherwise. */

/** Means the same unescaped, and ECMAScript wants it escaped. */
const syntax = new Set('^$\\.*+?()[]{}|/');
/** Escapes of letters and digits that ECMAScript knows. */
const known = /[dDwWsSbBfnrtvcxukpP0-9]/;

interface Foreign {
  readonly form: RegExp;
  readonly remedy: string;
}

/** What other languages have, and ECMAScript either refuses or, worse, understands in another way. Each at the start of what is left. */
const foreignGroups: readonly Foreign[] = [
  { form: /^\(\?P<\w*>?/, remedy: 'write (?<name>…)' },
  { form: /^\(\?P=\w*\)?/, remedy: 'write \\k<name>' },
  { form: /^\(\?#[^)]*\)?/, remedy: 'leave the comment out' },
  { form: /^\(\?>/, remedy: 'write (?:…)' },
  { form: /^\(\?\([^)]*\)?/, remedy: 'write the branches out' },
  { form: /^\(\?[aiLmsux]+\)/, remedy: 'write (?i:…) around what it is about' },
  { form: /^\{,\d+\}/, remedy: 'write {0,n}' },
  { form: /^[*+?}][+](?!\w)/, remedy: 'possessive repetition is not known: leave the + out' },
];
const foreignEscapes: Readonly<Record<string, string>> = { A: 'write ^', Z: 'write $', z: 'write $', h: 'write [ \\t]' };

/** Why a pattern cannot be understood: names the part and its place, never more of the pattern. */
class PatternError extends Error {}

function foreign(part: string, at: number, remedy: string): PatternError {
  return new PatternError(`${part.slice(0, 40)} at character ${at + 1} is not ECMAScript: ${remedy}`);
}

/**
 * The expression of a pattern. Escapes that mean nothing (`\_`, `\@`, `\-`) and braces that repeat nothing are taken as written, as they
 * are in Python and Perl; what would be understood in another way than there is refused. Throws PatternError.
 */
export function schemaPattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    // Not as it stands; the strict reading below says why, or mends it.
  }
  const strict = toEcmaScript(pattern);
  try {
    return new RegExp(strict, 'u');
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error)
      .split(': ')
      .slice(-1);
    throw new PatternError((reason ?? 'it cannot be understood').toLowerCase());
  }
}

interface Reading {
  readonly pattern: string;
  at: number;
  /** Where the contents of the open character class begin; undefined outside of one. */
  classStart: number | undefined;
}

function toEcmaScript(pattern: string): string {
  const reading: Reading = { pattern, at: 0, classStart: undefined };
  let out = '';
  while (reading.at < pattern.length) out += nextPart(reading);
  return out;
}

function nextPart(reading: Reading): string {
  const char = reading.pattern.charAt(reading.at);
  if (char === '\\') return escaped(reading);
  return reading.classStart === undefined ? outside(reading, char) : inside(reading, char);
}

function escaped(reading: Reading): string {
  const { pattern, at, classStart } = reading;
  const next = String.fromCodePoint(pattern.codePointAt(at + 1) ?? 0);
  if (at + 1 >= pattern.length) throw new PatternError('it ends in the middle of an escape (\\)');
  reading.at += 1 + next.length;
  if (/[A-Za-z0-9]/.test(next)) {
    if (!known.test(next)) throw foreign(`\\${next}`, at, foreignEscapes[next] ?? 'there is no such escape');
    const braces = /^[pPu]\{[^}]*\}/.exec(pattern.slice(at + 1, at + 80))?.[0];
    reading.at += braces === undefined ? 0 : braces.length - 1;
    return `\\${braces ?? next}`;
  }
  return syntax.has(next) || (next === '-' && classStart !== undefined) ? `\\${next}` : next;
}

function inside(reading: Reading, char: string): string {
  const { pattern, at, classStart } = reading;
  if (char === ']' && at === classStart) throw foreign(pattern.slice(at - 1, at + 1), at - 1, 'a ] of the class itself is written \\]');
  const posix = /^\[:\w+:\]/.exec(pattern.slice(at, at + 20))?.[0];
  if (posix !== undefined) throw foreign(posix, at, 'write the characters themselves');
  if (char === ']') reading.classStart = undefined;
  reading.at += 1;
  return char;
}

function outside(reading: Reading, char: string): string {
  const { pattern, at } = reading;
  const rest = pattern.slice(at, at + 80);
  for (const { form, remedy } of foreignGroups) {
    const part = form.exec(rest)?.[0];
    if (part !== undefined) throw foreign(part, at, remedy);
  }
  const whole = char === '[' ? (/^\[\^?/.exec(rest)?.[0] ?? char) : (/^\{\d+(?:,\d*)?\}/.exec(rest)?.[0] ?? char);
  reading.at += whole.length;
  if (char === '[') reading.classStart = reading.at;
  return whole.length === 1 && '{}]'.includes(char) ? `\\${char}` : whole;
}
