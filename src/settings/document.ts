import { isMap, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument } from 'yaml';
import { RefusedError } from '../kernel/errors.ts';

/** Deeper nesting than any configuration needs; the parser's cost grows beyond all bounds with it. */
const MAX_DEPTH = 64;
const MAX_BYTES = 4 * 1024 * 1024;

/** One value of a document and where it stands. */
export interface Found {
  readonly value: unknown;
  readonly file: string;
  readonly line: number;
}

/** What stands in a mapping: values and mappings by key, each with its line. */
export interface Tree {
  readonly file: string;
  readonly line: number;
  readonly entries: ReadonlyMap<string, Found | Tree>;
}

export function isTree(entry: Found | Tree): entry is Tree {
  return 'entries' in entry;
}

export function refuse(at: { readonly file: string; readonly line: number }, path: string, problem: string): RefusedError {
  const place = at.line > 0 ? `${at.file}:${at.line}` : at.file;
  return new RefusedError(`${place}: ${path === '' ? '' : `${path}: `}${problem}`);
}

/** Refuses deep nests before they are composed: the lexer is iterative, the composer is not. */
function guardDepth(text: string, file: string): void {
  let depth = 0;
  let line = 1;
  let explicitKeys = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === '?') explicitKeys++;
    else if (token.includes('\n')) {
      line += token.split('\n').length - 1;
      explicitKeys = 0;
    }
    if (depth > MAX_DEPTH || explicitKeys > MAX_DEPTH)
      throw refuse({ file, line }, '', `nested more than ${MAX_DEPTH} levels deep; flatten it`);
  }
}

function lineOf(node: unknown, lines: LineCounter, otherwise: number): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? (node as Node).range : undefined;
  return range ? lines.linePos(range[0]).line : otherwise;
}

function toTree(node: unknown, at: { readonly file: string; readonly line: number }, lines: LineCounter): Tree {
  const entries = new Map<string, Found | Tree>();
  if (!isMap(node)) return { ...at, entries };
  for (const { key, value } of node.items) {
    const line = lineOf(key, lines, at.line);
    const name = isScalar(key) ? String(key.value) : String(key);
    entries.set(
      name,
      isMap(value)
        ? toTree(value, { file: at.file, line }, lines)
        : { value: isSeq(value) || isScalar(value) ? value.toJSON() : null, file: at.file, line },
    );
  }
  return { ...at, entries };
}

/** Reads one YAML file. @throws RefusedError with file and line. */
export function readDocument(text: string, file: string): Tree {
  if (text.length > MAX_BYTES) throw refuse({ file, line: 0 }, '', 'larger than 4 MiB; this is no configuration');
  guardDepth(text, file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, maxAliasCount: 100 } as Parameters<
    typeof parseDocument
  >[1]);
  const [error] = document.errors;
  if (error !== undefined) throw refuse({ file, line: lines.linePos(error.pos[0]).line }, '', `${error.message}; correct the YAML`);
  const resolved = document.contents;
  if (resolved !== null && !isMap(resolved) && !(isScalar(resolved) && resolved.value === null)) {
    throw refuse({ file, line: 1 }, '', 'the document is not a mapping of keys; see docs/configuration.md');
  }
  return toTree(resolved, { file, line: 0 }, lines);
}
