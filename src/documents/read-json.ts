import { isExactNumber } from '../kernel/exact-number.ts';
import { dotted, type Keys, lineAt, shortKey } from './paths.ts';

/** Why a text is no document, and where. The message has no part of the text: it may hold secrets. */
export interface TextFault {
  readonly rule: 'syntax' | 'duplicate_key' | 'too_deep' | 'too_large';
  /** Dotted path of what is wrong; empty for the text as a whole. */
  readonly path: string;
  /** From 1; 0 where it cannot be told. */
  readonly line: number;
  readonly message: string;
}

export class TextFaultError extends Error {
  override readonly name = 'TextFaultError';
  readonly fault: TextFault;

  constructor(fault: TextFault) {
    super(fault.message);
    this.fault = fault;
  }
}

type Scalar = string | number | boolean | null;

/** A value on the way: its place, and where it stands in the text. */
export interface JsonVisit {
  /** To be read at once: the reader goes on with the same list. */
  readonly keys: Keys;
  /** Of a scalar alone. */
  readonly value: Scalar | undefined;
  readonly start: number;
  /** Behind a scalar; of a list or an object, where it begins. */
  readonly end: number;
}

export interface JsonDialect {
  readonly maxDepth: number;
  /** Values that a text may have. Default: any number. */
  readonly maxValues?: number;
  /** Comments (`//`, `#`, `/* *\/`) and trailing commas, as sing-box and xray take them. Default: RFC 8259 alone. */
  readonly relaxed?: boolean;
  /** Refuses numbers that a double cannot hold. Default: they are rounded. */
  readonly exactNumbers?: boolean;
  /** Judges the names of the object at this place, one after the other: answers why one stands twice. Default: the last one counts. */
  readonly names?: (keys: Keys) => (name: string) => string | undefined;
  readonly visit?: (value: JsonVisit) => void;
}

const literal = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Reads JSON within bounds, in time linear in its length: `JSON.parse` tells no line for many faults, quotes the text in its messages, tells no
 * places, takes a name twice, and rounds numbers in silence. Objects have no prototype. Throws TextFaultError.
 */
export function readJson(text: string, dialect: JsonDialect): unknown {
  const { maxDepth, maxValues = Number.POSITIVE_INFINITY, relaxed = false, exactNumbers = false, names, visit } = dialect;
  const keys: (string | number)[] = [];
  let at = 0;
  let values = 0;
  const fail = (message: string, rule: TextFault['rule'] = 'syntax'): never => {
    throw new TextFaultError({ rule, path: dotted(keys), line: lineAt(text, at), message });
  };
  const peek = (): string => {
    at = relaxed ? behindComments(text, at) : behindSpace(text, at);
    return text[at] ?? '';
  };
  const readString = (): string => {
    const end = stringEnd(text, at);
    if (end < 0) fail('a string is not closed, or has a character that must be escaped');
    const found = JSON.parse(text.slice(at, end)) as string;
    at = end;
    return found;
  };
  const opens = (end: string): boolean => {
    if (keys.length >= maxDepth) fail(`nested more than ${maxDepth} levels deep`, 'too_deep');
    visit?.({ keys, value: undefined, start: at, end: at });
    at++;
    if (peek() !== end) return true;
    at++;
    return false;
  };
  /** Behind a value of a list or an object: whether another one follows. */
  const follows = (end: string): boolean => {
    const comma = peek() === ',';
    if (comma) at++;
    const closes = (relaxed || !comma) && peek() === end;
    if (closes) at++;
    else if (!comma) fail(at >= text.length ? 'the text ends too early' : `a comma or ${end} is missing here`);
    return !closes;
  };
  const readObject = (): unknown => {
    const object: Record<string, unknown> = Object.create(null);
    const twice = names?.(keys);
    for (let more = opens('}'); more; more = follows('}')) {
      if (peek() !== '"') fail('a name in double quotes is missing here');
      const name = readString();
      keys.push(name);
      const why = twice?.(name);
      if (why !== undefined) fail(why, 'duplicate_key');
      if (peek() !== ':') fail('a colon is missing here');
      at++;
      object[name] = readValue();
      keys.pop();
    }
    return object;
  };
  const readList = (): unknown => {
    const list: unknown[] = [];
    for (let more = opens(']'); more; more = follows(']')) {
      keys.push(list.length);
      list.push(readValue());
      keys.pop();
    }
    return list;
  };
  const readScalar = (first: string): Scalar => {
    const start = at;
    const value = first === '"' ? readString() : readLiteral(first);
    visit?.({ keys, value, start, end: at });
    return value;
  };
  const readLiteral = (first: string): Scalar => {
    literal.lastIndex = at;
    const [written = ''] = literal.exec(text) ?? [];
    if (written === '') fail(first === '' ? 'the text ends too early' : 'a value is missing here');
    const value = JSON.parse(written) as Scalar;
    if (exactNumbers && typeof value === 'number' && !isExactNumber(written))
      fail('a number that would be rounded; write it with fewer digits, or as a text');
    at += written.length;
    return value;
  };
  const readValue = (): unknown => {
    const first = peek();
    if (++values > maxValues) fail(`more than ${maxValues} values`, 'too_large');
    if (first === '{') return readObject();
    return first === '[' ? readList() : readScalar(first);
  };
  const value = readValue();
  if (peek() !== '') fail('something follows behind the end');
  return value;
}

/** The line of the value at a dotted path, or of the nearest value around it. From 1. The text was read before. */
export function lineOf(text: string, path: string, dialect: JsonDialect): number {
  let best = 0;
  let offset = 0;
  const visit = ({ keys, start }: JsonVisit): void => {
    const place = dotted(keys.map(shortKey));
    if (place.length < best || !path.startsWith(place)) return;
    const follows = path[place.length];
    if (place !== '' && follows !== undefined && follows !== '.' && follows !== '[') return;
    best = place.length;
    offset = start;
  };
  readJson(text, { ...dialect, visit });
  return lineAt(text, offset);
}

function behindSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return at;
}

/** Behind space and comments, exactly as the engines skip them: a comment of one line ends at a line feed alone. */
function behindComments(text: string, from: number): number {
  for (let at = behindSpace(text, from); ; at = behindSpace(text, at)) {
    if (text[at] === '#' || text.startsWith('//', at)) at = behind(text, '\n', at);
    else if (text.startsWith('/*', at)) at = behind(text, '*/', at + 2);
    else return at;
  }
}

function behind(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from);
  return at < 0 ? text.length : at + end.length;
}

/** The offset behind the string that begins at `from`; -1 when it is none. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -1;
    escapeSequence.lastIndex = at;
    if (code !== 0x5c) at++;
    else if (escapeSequence.test(text)) at = escapeSequence.lastIndex;
    else return -1;
  }
  return -1;
}
