import { limits } from './limits.ts';

/** Why a text is no JSON that the agent takes. The message never has a part of the text: it may hold secrets. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

interface Level {
  readonly list: boolean;
  readonly path: string;
  index: number;
  key: string;
}

const spaces = /[ \t\r\n]*/y;
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/**
 * Reads JSON (RFC 8259) without building it, in time linear in its length and without recursion: `JSON.parse` tells no line for
 * many faults, quotes the text in its messages, and tells no places. `visit` gets the dotted path (below `root`) and the offset of every value.
 * Answers the first fault.
 */
export function scanJson(text: string, root: string, visit: (path: string, offset: number) => void = () => {}): JsonFault | undefined {
  const levels: Level[] = [];
  let at = 0;
  const fault = (message: string): JsonFault => ({ line: lineAt(text, at), message });
  const skip = (): string => {
    at = match(spaces, text, at) ?? at;
    return text[at] ?? '';
  };
  /** A name and its colon, up to the value. */
  const readKey = (level: Level): JsonFault | undefined => {
    if (skip() !== '"') return fault('a name in double quotes is missing here');
    const end = stringEnd(text, at);
    if (end < 0) return fault('a string is not closed, or has a character that must be escaped');
    level.key = JSON.parse(text.slice(at, end)) as string;
    at = end;
    if (skip() !== ':') return fault('a colon is missing here');
    at++;
    return undefined;
  };
  /** Behind a value: the next one's begin, or the ends of what it closes. Answers whether a value follows. */
  const next = (): boolean | JsonFault => {
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      const sign = skip();
      if (sign === (level.list ? ']' : '}')) {
        at++;
        levels.pop();
        continue;
      }
      if (sign !== ',')
        return fault(at >= text.length ? 'the text ends too early' : `a comma or ${level.list ? ']' : '}'} is missing here`);
      at++;
      level.index++;
      return (level.list ? undefined : readKey(level)) ?? true;
    }
    return false;
  };
  for (;;) {
    const first = skip();
    const parent = levels.at(-1);
    const path =
      parent === undefined ? root : parent.list ? `${parent.path}[${parent.index}]` : `${parent.path}.${parent.key.slice(0, 64)}`;
    visit(path, at);
    if (first === '{' || first === '[') {
      if (levels.length >= limits.depth) return fault(`nested more than ${limits.depth} deep`);
      const level: Level = { list: first === '[', path, index: 0, key: '' };
      at++;
      levels.push(level);
      if (skip() !== (level.list ? ']' : '}')) {
        const wrong = level.list ? undefined : readKey(level);
        if (wrong) return wrong;
        continue;
      }
    } else {
      const end = first === '"' ? stringEnd(text, at) : (match(scalar, text, at) ?? -1);
      if (end < 0) {
        return fault(
          first === '"'
            ? 'a string is not closed, or has a character that must be escaped'
            : first === ''
              ? 'the text ends too early'
              : 'a value is missing here',
        );
      }
      at = end;
    }
    const more = next();
    if (more === true) continue;
    if (more !== false) return more;
    return skip() === '' ? undefined : fault('something follows behind the end');
  }
}

/** The line of the value at a dotted path, or of the nearest value around it. From 1. */
export function lineOf(text: string, root: string, path: string): number {
  let best = 0;
  let offset = 0;
  scanJson(text, root, (place, start) => {
    if (place.length < best || !path.startsWith(place)) return;
    const follows = path[place.length];
    if (follows !== undefined && follows !== '.' && follows !== '[') return;
    best = place.length;
    offset = start;
  });
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
