import { isExactNumber } from '../kernel/exact-number.ts';

/** Why a text is no JSON that the agent takes. The message never has a part of the text: it may hold secrets. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** A value on the way: its place, and where it stands in the text. */
export interface JsonVisit {
  /** Dotted, below `root`: `config.servers[0].port`. */
  readonly path: string;
  readonly keys: () => readonly (string | number)[];
  readonly start: number;
  /** Behind a scalar; of a list or an object, where it begins. */
  readonly end: number;
}

export interface JsonDialect {
  /** Name of the document in paths. */
  readonly root: string;
  readonly maxDepth: number;
  /** Comments (`//`, `#`, `/* *\/`) and trailing commas, as sing-box and xray take them. Default: RFC 8259 alone. */
  readonly relaxed?: boolean;
  readonly visit?: (value: JsonVisit) => void;
}

interface Level {
  readonly list: boolean;
  readonly path: string;
  index: number;
  key: string;
}

const spaces = /[ \t\r\n]*/y;
const spacesAndComments = /(?:[ \t\r\n]|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const badString = 'a string is not closed, or has a character that must be escaped';

/**
 * Reads JSON without building it, in time linear in its length and without recursion: `JSON.parse` tells no line for many faults, quotes
 * the text in its messages, tells no places, and rounds numbers in silence. Answers the first fault.
 */
export function scanJson(text: string, { root, maxDepth, relaxed = false, visit }: JsonDialect): JsonFault | undefined {
  const levels: Level[] = [];
  const blanks = relaxed ? spacesAndComments : spaces;
  let at = 0;
  const fault = (message: string): JsonFault => ({ line: lineAt(text, at), message });
  const skip = (): string => {
    at = match(blanks, text, at) ?? at;
    return text[at] ?? '';
  };
  /** A name and its colon, up to the value. */
  const readKey = (level: Level): JsonFault | undefined => {
    if (skip() !== '"') return fault('a name in double quotes is missing here');
    const end = stringEnd(text, at);
    if (end < 0) return fault(badString);
    level.key = JSON.parse(text.slice(at, end)) as string;
    at = end;
    if (skip() !== ':') return fault('a colon is missing here');
    at++;
    return undefined;
  };
  const isEnd = (level: Level): boolean => skip() === (level.list ? ']' : '}');
  /** Behind a value: the next one's begin, or the ends of what it closes. Answers whether a value follows. */
  const next = (): boolean | JsonFault => {
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      if (isEnd(level)) {
        at++;
        levels.pop();
        continue;
      }
      if (text[at] !== ',')
        return fault(at >= text.length ? 'the text ends too early' : `a comma or ${level.list ? ']' : '}'} is missing here`);
      at++;
      level.index++;
      if (relaxed && isEnd(level)) continue;
      return (level.list ? undefined : readKey(level)) ?? true;
    }
    return false;
  };
  /** Answers the level that was opened, or what is wrong. */
  const open = (list: boolean, path: string): Level | JsonFault => {
    if (levels.length >= maxDepth) return fault(`nested more than ${maxDepth} deep`);
    const level: Level = { list, path, index: 0, key: '' };
    at++;
    levels.push(level);
    return level;
  };
  /** Where the scalar ends, or what is wrong. */
  const scalarEnd = (first: string): number | JsonFault => {
    if (first === '"') {
      const end = stringEnd(text, at);
      return end < 0 ? fault(badString) : end;
    }
    const end = match(scalar, text, at);
    if (end === undefined) return fault(first === '' ? 'the text ends too early' : 'a value is missing here');
    if (isNumber(first) && !isExactNumber(text.slice(at, end)))
      return fault('a number that would be rounded; write it with fewer digits, or as a text');
    return end;
  };
  const keys = (): readonly (string | number)[] => levels.map(({ list, index, key }) => (list ? index : key));
  for (;;) {
    const first = skip();
    const path = pathBelow(levels.at(-1), root);
    if (first === '{' || first === '[') {
      visit?.({ path, keys, start: at, end: at });
      const level = open(first === '[', path);
      if ('message' in level) return level;
      if (!isEnd(level)) {
        const wrong = level.list ? undefined : readKey(level);
        if (wrong) return wrong;
        continue;
      }
    } else {
      const end = scalarEnd(first);
      if (typeof end !== 'number') return end;
      visit?.({ path, keys, start: at, end });
      at = end;
    }
    const more = next();
    if (more === true) continue;
    if (more !== false) return more;
    return skip() === '' ? undefined : fault('something follows behind the end');
  }
}

function isNumber(first: string): boolean {
  return first === '-' || (first >= '0' && first <= '9');
}

function pathBelow(parent: Level | undefined, root: string): string {
  if (parent === undefined) return root;
  return parent.list ? `${parent.path}[${parent.index}]` : `${parent.path}.${parent.key.slice(0, 64)}`;
}

/** The line of the value at a dotted path, or of the nearest value around it. From 1. */
export function lineOf(text: string, path: string, dialect: JsonDialect): number {
  let best = 0;
  let offset = 0;
  const visit = ({ path: place, start }: JsonVisit): void => {
    if (place.length < best || !path.startsWith(place)) return;
    const follows = path[place.length];
    if (follows !== undefined && follows !== '.' && follows !== '[') return;
    best = place.length;
    offset = start;
  };
  scanJson(text, { ...dialect, visit });
  return lineAt(text, offset);
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

function match(shape: RegExp, text: string, at: number): number | undefined {
  shape.lastIndex = at;
  return shape.test(text) ? shape.lastIndex : undefined;
}

const escapes = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** The offset behind the string that begins at `at`; -1 when it is none. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    if (code < 0x20) return -1;
    const end = code === 0x5c ? match(escapes, text, i) : i + 1;
    if (end === undefined) return -1;
    i = end;
  }
  return -1;
}
