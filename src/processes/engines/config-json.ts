import { nameFolder } from './key-pattern.ts';

/** Why a text is no config, and where. The message has no part of the text: it may hold secrets. */
export interface ConfigFault {
  readonly rule: 'syntax' | 'duplicate_key' | 'too_deep' | 'too_large';
  /** Dotted path of what is wrong; empty for the text as a whole. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export class ConfigFaultError extends Error {
  override readonly name = 'ConfigFaultError';
  readonly fault: ConfigFault;

  constructor(fault: ConfigFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** More than any config has: a list of ten thousand proxies has some 150,000. */
export const maxValues = 300_000;

/** Deeper than any config; Go's decoders stop at 10,000. */
export const maxDepth = 100;

const literal = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

type Visit = (path: readonly (string | number)[], offset: number) => void;

/**
 * JSON with comments and trailing commas, as sing-box and xray read it, in time linear in its length. A name that stands twice in one
 * table is refused (their decoders take the last one, and compare without case): it would show one value and obey another.
 * `isNames` tells the tables whose keys are the user's own names. Throws ConfigFaultError.
 */
export function parseConfigJson(
  text: string,
  isNames: (path: readonly string[]) => boolean = () => false,
  visit: Visit = () => {},
): unknown {
  const path: (string | number)[] = [];
  const around: string[] = [];
  const fold = nameFolder();
  let at = 0;
  let values = 0;
  const fail = (rule: ConfigFault['rule'], message: string): never => {
    throw new ConfigFaultError({ rule, path: dotted(path), line: lineAt(text, at), message });
  };
  const match = (shape: RegExp): string | undefined => {
    shape.lastIndex = at;
    const found = shape.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const peek = (): string => {
    at = skip(text, at);
    return text[at] ?? '';
  };
  const readString = (): string => {
    const end = stringEnd(text, at);
    if (end < 0) fail('syntax', 'a text is not closed, or has a sign that must be escaped');
    const found = JSON.parse(text.slice(at, end));
    at = end;
    return found;
  };
  /** Behind a value of a list or table: whether another one follows. */
  const follows = (end: string): boolean => {
    const comma = peek() === ',';
    if (comma) at++;
    const closes = peek() === end;
    if (closes) at++;
    else if (!comma) fail('syntax', at >= text.length ? 'the text ends too early' : `a comma or ${end} is missing here`);
    return !closes;
  };
  const opens = (end: string): boolean => {
    if (path.length >= maxDepth) fail('too_deep', `nested more than ${maxDepth} levels deep`);
    at++;
    if (peek() !== end) return true;
    at++;
    return false;
  };
  const readTable = (): unknown => {
    const table: Record<string, unknown> = Object.create(null);
    const seen = new Set<string>();
    const folds = !isNames(around);
    for (let more = opens('}'); more; more = follows('}')) {
      if (peek() !== '"') fail('syntax', 'a name in double quotes is missing here');
      const name = readString();
      path.push(name);
      around.push(fold(name));
      const folded = folds ? fold(name) : name;
      if (seen.has(folded)) fail('duplicate_key', 'stands twice in its table (the engine compares names without case): keep one');
      seen.add(folded);
      if (peek() !== ':') fail('syntax', 'a colon is missing here');
      at++;
      table[name] = readValue();
      path.pop();
      around.pop();
    }
    return table;
  };
  const readList = (): unknown => {
    const list: unknown[] = [];
    for (let more = opens(']'); more; more = follows(']')) {
      path.push(list.length);
      list.push(readValue());
      path.pop();
    }
    return list;
  };
  const readValue = (): unknown => {
    const first = peek();
    if (++values > maxValues) fail('too_large', `more than ${maxValues} values`);
    visit(path, at);
    if (first === '{') return readTable();
    if (first === '[') return readList();
    if (first === '"') return readString();
    const found = match(literal);
    return found === undefined ? fail('syntax', first === '' ? 'the text ends too early' : 'a value is missing here') : JSON.parse(found);
  };
  const value = readValue();
  if (peek() !== '') fail('syntax', 'something follows behind the end');
  return value;
}

/** Behind space and comments, exactly as the engines skip them: a comment of one line ends at a line feed alone. */
function skip(text: string, from: number): number {
  for (let at = from; ; ) {
    const sign = text[at];
    const next = text[at + 1];
    if (sign === ' ' || sign === '\n' || sign === '\t' || sign === '\r') at++;
    else if (sign === '#' || (sign === '/' && next === '/')) at = behind(text, '\n', at);
    else if (sign === '/' && next === '*') at = behind(text, '*/', at + 2);
    else return at;
  }
}

function behind(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from);
  return at < 0 ? text.length : at + end.length;
}

/** The offset behind the text that begins at `from`; -1 when it is none. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -1;
    if (code !== 0x5c) at++;
    else {
      escapeSequence.lastIndex = at;
      if (!escapeSequence.test(text)) return -1;
      at = escapeSequence.lastIndex;
    }
  }
  return -1;
}

/** `inbounds[0].listen_port`. */
export function dotted(path: readonly (string | number)[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}
