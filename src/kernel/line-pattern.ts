/**
 * A regular expression of a person, tried on lines that strangers may shape (a domain in an engine's log): one such as `(a+)+$` takes longer than
 * anybody waits where V8 goes back and forth, and nothing else runs meanwhile. V8 has a second engine, whose time grows with the line alone; what
 * that one cannot do (a look around, a reference back, a large count) gets a limit of time.
 */
import { setFlagsFromString } from 'node:v8';
import { createContext, Script } from 'node:vm';

export interface LinePattern {
  /** False also where it took too long: the pattern is given up after a few such lines. */
  test(line: string): boolean;
}

/** So long may one line take, milliseconds. */
const lineMs = 200;
/** A machine that is busy with something else may hold up one line; a pattern that holds up more is at fault itself. */
const mostSlowLines = 3;

/** Throws SyntaxError for what is no regular expression. */
export function linePattern(source: string, given: { readonly onGivenUp?: () => void } = {}): LinePattern {
  const pattern = new RegExp(source);
  return linear(source) ?? limited(pattern, given);
}

function linear(source: string): LinePattern | undefined {
  setFlagsFromString('--enable-experimental-regexp-engine');
  try {
    return new RegExp(source, 'l');
  } catch {
    return undefined;
  }
}

function limited(pattern: RegExp, { onGivenUp }: { readonly onGivenUp?: () => void }): LinePattern {
  const context = createContext({ pattern, line: '' });
  let left = mostSlowLines;
  return {
    test(line) {
      if (left === 0) return false;
      context['line'] = line;
      try {
        return attempt.runInContext(context, { timeout: lineMs }) === true;
      } catch {
        left -= 1;
        if (left === 0) onGivenUp?.();
        return false;
      }
    },
  };
}

const attempt = new Script('pattern.test(line)');
