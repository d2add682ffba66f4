import { readFile } from 'node:fs/promises';
import { isExactNumber, roundedNumber } from '../kernel/exact-number.ts';
import { guardDepth, MAX_DEPTH } from '../settings/index.ts';
import { EXIT, Failure, usage } from './failure.ts';
import { type Document, isDocument } from './key-path.ts';

/** `a.b=VALUE`: VALUE is JSON where it is that, else a text. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
  /** The value in JSON, numbers as they were written: what `1.10` is, the type of the key decides. */
  readonly json: string;
}

export function assignment(word: string): Assignment {
  const sign = word.indexOf('=');
  const path = word.slice(0, Math.max(0, sign)).split('.');
  if (sign < 1 || path.includes('')) throw usage(`${JSON.stringify(word)} is not KEY=VALUE, as in limits.rate=5`);
  const text = word.slice(sign + 1);
  try {
    return { path, value: JSON.parse(text), json: text };
  } catch {
    return { path, value: text, json: JSON.stringify(text) };
  }
}

/** A copy of the document in which the assignments hold; what stands in the way of a path is replaced. Throws Failure for a number that would be rounded. */
export function assigned(document: object, assignments: readonly Assignment[]): Document {
  for (const { path, json } of assignments) {
    const number = roundedNumber(json);
    if (number !== undefined)
      throw usage(`${path.join('.')}: ${number} would be rounded: write it with fewer digits, or as a text in quotes`);
  }
  const copy = structuredClone(document) as Record<string, unknown>;
  for (const { path, value } of assignments) {
    let at: Document = copy;
    for (const name of path.slice(0, -1)) {
      const child = Object.hasOwn(at, name) ? at[name] : undefined;
      const next: Document = isDocument(child) ? child : {};
      Object.defineProperty(at, name, { value: next, writable: true, enumerable: true, configurable: true });
      at = next;
    }
    Object.defineProperty(at, path.at(-1) ?? '', { value, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** A document of a file, JSON or YAML; `-` reads stdin. Throws Failure with file and line. */
export async function documentOf(file: string): Promise<Document> {
  const name = file === '-' ? 'stdin' : file;
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(EXIT.usage, `${name} cannot be read (${error.code ?? 'unknown error'})`);
  });
  guardDepth(text, (line) => new Failure(EXIT.usage, `${name}:${line}: nested more than ${MAX_DEPTH} levels deep`));
  const { LineCounter, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw new Failure(EXIT.usage, `${name}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
  visit(document, {
    Scalar(_, { value, source = '', range }) {
      if (typeof value !== 'number' || !/^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(source) || isExactNumber(source)) return;
      const { line } = lines.linePos(range?.[0] ?? 0);
      throw new Failure(EXIT.usage, `${name}:${line}: ${source} would be rounded: write it with fewer digits, or as a text in quotes`);
    },
  });
  const value: unknown = document.toJS();
  if (!isDocument(value)) throw new Failure(EXIT.usage, `${name}: the document is not a mapping of keys`);
  return value;
}
