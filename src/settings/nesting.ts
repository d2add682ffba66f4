import { Lexer } from 'yaml';

/** Deeper nesting than any configuration needs. */
export const MAX_DEPTH = 64;

export interface NestingLimits {
  readonly depth: number;
  /** The composer takes some 5 µs a token. */
  readonly tokens: number;
  /** The composer is slow where many stand before one value. */
  readonly tags: number;
}

/** More than any configuration of the agent has. */
const ownLimits: NestingLimits = { depth: MAX_DEPTH, tokens: 20_000, tags: 1000 };

const SCALAR_FOLLOWS = '\u001f';

/**
 * Refuses deep nests and endless lists before they are composed: the composer's cost grows beyond all bounds with depth (1 KB of `{` is 38 s,
 * 500 times `? ` 46 s), and is long with length, while the lexer is iterative. Counts what is open: braces, and the columns at which block mappings and sequences
 * may have begun. @throws what `problem` answers for the line and what
 * there is too much of.
 */
export function guardDepth(text: string, problem: (line: number, what: string) => Error, limits: NestingLimits = ownLimits): void {
  const columns: number[] = [];
  const at = { line: 1, column: 0, fresh: true };
  let flow = 0;
  let scalar = false;
  let tokens = 0;
  let tags = 0;
  const open = (): void => {
    while ((columns.at(-1) ?? -1) >= at.column) columns.pop();
    columns.push(at.column);
  };
  for (const token of new Lexer().lex(text)) {
    tokens++;
    if (tokens > limits.tokens) throw problem(at.line, `more than ${limits.tokens} words and signs; shorten it`);
    if (token === SCALAR_FOLLOWS) {
      if (at.fresh && flow === 0) open();
      at.fresh = false;
      scalar = true;
      continue;
    }
    if (!scalar) {
      if (token === '{' || token === '[') flow++;
      else if (token === '}' || token === ']') flow = Math.max(0, flow - 1);
      else if (flow === 0 && (token === '-' || token === '?' || token === ':')) open();
      else if (token.startsWith('!') || token.startsWith('&')) tags++;
      if (columns.length + flow > limits.depth) throw problem(at.line, `nested more than ${limits.depth} levels deep; flatten it`);
      if (tags > limits.tags) throw problem(at.line, `more than ${limits.tags} tags and anchors; write it out`);
    }
    advance(at, token);
    scalar = false;
  }
}

function advance(at: { line: number; column: number; fresh: boolean }, token: string): void {
  const last = token.lastIndexOf('\n');
  if (last < 0) {
    at.column += token.length;
    at.fresh &&= /^[ \t]*$/.test(token);
    return;
  }
  for (let i = token.indexOf('\n'); i >= 0; i = token.indexOf('\n', i + 1)) at.line++;
  at.column = token.length - last - 1;
  at.fresh = true;
}
