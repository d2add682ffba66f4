import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { RefusedError } from '../kernel/errors.ts';
import { guardDepth, MAX_DEPTH } from './nesting.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;

/** Where something stands: file and line, or `env NAME` and 0. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** One value of a document and where it stands. */
export interface Found extends Place {
  /** A scalar, a list of scalars (what else stands in a list is an empty object), or null. */
  readonly value: unknown;
  /** The scalars as they are written: `1.10` and `0o660` are numbers to YAML and something else to people. */
  readonly words: readonly string[];
}

/** What stands in a mapping: values and mappings by key, each with its line. */
export interface Tree extends Place {
  readonly entries: ReadonlyMap<string, Found | Tree>;
}

export function isTree(entry: Found | Tree): entry is Tree {
  return 'entries' in entry;
}

/** The one form of a refusal: `<file>:<line>: <key>: what is wrong; remedy`, on one line whatever the parts hold. */
export function refuse(at: Place, path: string, problem: string): RefusedError {
  const place = at.line > 0 ? `${at.file}:${at.line}` : at.file;
  return new RefusedError(`${place}: ${path === '' ? '' : `${short(path)}: `}${problem}`.replace(/[\p{Cc}\u2028\u2029]+/gu, ' '));
}

/** A text cut to what a line of a message bears. */
export function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** Reads one YAML file. @throws RefusedError with file and line. */
export function readDocument(text: string, file: string): Tree {
  if (text.length > MAX_BYTES) throw refuse({ file, line: 0 }, '', 'larger than 1 MiB; this is no configuration');
  guardDepth(text, (line) => refuse({ file, line }, '', `nested more than ${MAX_DEPTH} levels deep; flatten it`));
  const lines = new LineCounter();
  // Keys given twice are found below, where their path is known.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const error = document.errors[0] ?? document.warnings[0];
  if (error !== undefined) {
    throw refuse({ file, line: lines.linePos(error.pos[0]).line }, '', `not valid YAML: ${short(error.message)}; correct it`);
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { file, line: 0, entries: new Map() };
  if (!isMap(contents)) throw refuse({ file, line: 1 }, '', 'the document is not a mapping of keys; see docs/configuration.md');
  return treeReader(document, lines, file)(contents, { file, line: 0 }, []);
}

function treeReader(document: Document, lines: LineCounter, file: string): (node: Node, at: Place, path: readonly string[]) => Tree {
  let aliases = 0;
  const follow = (node: unknown, at: Place, path: readonly string[]): unknown => {
    if (!isAlias(node)) return node;
    aliases++;
    const target = aliases > MAX_ALIASES || path.length > MAX_DEPTH ? undefined : node.resolve(document);
    if (target === undefined) throw refuse(at, path.join('.'), `more than ${MAX_ALIASES} aliases, or one of itself; write it out`);
    return target;
  };
  const found = (node: unknown, at: Place, path: readonly string[]): Found => {
    const items = isSeq(node) ? node.items.map((item) => follow(item, at, path)) : [node];
    const words = items.map((item) => (isScalar(item) ? (item.source ?? String(item.value)) : ''));
    const values = items.map((item) => (isScalar(item) ? item.value : item === null ? null : {}));
    return { ...at, value: isSeq(node) ? values : (values[0] ?? null), words };
  };
  const tree = (node: Node, at: Place, path: readonly string[]): Tree => {
    const entries = new Map<string, Found | Tree>();
    for (const { key, value } of isMap(node) ? node.items : []) {
      const inner = { file, line: lineOf(key, lines) ?? at.line };
      if (!isScalar(key) || key.value === null) throw refuse(inner, path.join('.'), 'a key that is no text; write key: value');
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      const full = [...path, name];
      const earlier = entries.get(name);
      if (earlier !== undefined) throw refuse(inner, full.join('.'), `given twice, first in line ${earlier.line}; keep one`);
      const target = follow(value, inner, full);
      entries.set(name, isMap(target) ? tree(target, inner, full) : found(target, inner, full));
    }
    return { ...at, entries };
  };
  return tree;
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? (node as Node).range : undefined;
  return range ? lines.linePos(range[0]).line : undefined;
}
