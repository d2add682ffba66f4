import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isScalar, type Pair, visit } from 'yaml';
import type { Json, JsonObject } from '../../events/types.ts';
import { isObject } from '../../kernel/is-object.ts';
import { isMerge } from '../../settings/index.ts';
import { own, removeAt, setAt } from '../paths.ts';
import { type Splice, splicesFor, Unusual } from './change-nodes.ts';
import { guardSize, inlineYaml, keyName, nodeValue, parseYaml, plainValue } from './yaml-values.ts';

/** One leaf of a document: its new value, or undefined to take it out. */
export interface Edit {
  readonly path: readonly string[];
  readonly value: Json | undefined;
}

/**
 * Changes leaves of a YAML text and leaves every other byte of it as it is: comments, order, indentation, notation. What comes out is
 * read again and compared with what was meant; where that differs (explicit keys), the document is edited as a tree instead, which keeps
 * comments and order but not every blank.
 */
export function editYaml(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  const meant = plainValue(parseYaml(text));
  for (const { path, value } of edits) {
    if (value === undefined) removeAt(meant, path);
    else setAt(meant, path, value);
  }
  const edited = spliced(text, meant);
  if (edited !== undefined && says(edited, meant)) return edited;
  const rewritten = rebuilt(text, meant);
  if (!says(rewritten, meant)) throw new Error('the document cannot be edited');
  return rewritten;
}

/** Throws RefusedError for a text that has become too large. */
function says(text: string, meant: JsonObject): boolean {
  guardSize(text);
  const document = parseYaml(text);
  return document.errors.length === 0 && isDeepStrictEqual(plainValue(document), meant);
}

function spliced(text: string, meant: JsonObject): string | undefined {
  try {
    // JSON is YAML, and a file that is read as JSON elsewhere stays it.
    const inline = isJson(text) ? (value: Json): string => JSON.stringify(value) : inlineYaml;
    return spliceAll(text, splicesFor({ document: parsed(text), text, inline }, meant));
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    return /^\s*\{\s*"/.test(text) && JSON.parse(text) !== null;
  } catch {
    return false;
  }
}

function parsed(text: string): Document.Parsed {
  const document = parseYaml(text);
  if (document.errors.length > 0) throw new Error('the document cannot be edited');
  return document;
}

/** From the end, so that places stay right; of two at one place the deeper one comes first in the text. */
function spliceAll(text: string, splices: readonly Splice[]): string {
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  let edited = text;
  let rest = Number.POSITIVE_INFINITY;
  for (const { at, end, text: piece } of splices.toSorted((a, b) => b.at - a.at || (a.column ?? 0) - (b.column ?? 0))) {
    if (end > rest) throw new Unusual();
    edited = edited.slice(0, at) + piece.replace(/\r?\n/g, lineBreak) + edited.slice(end);
    rest = at;
  }
  return edited;
}

function rebuilt(text: string, meant: JsonObject): string {
  const document = parsed(text);
  document.contents = nodeThatSays(document.contents, meant, document) as never;
  const plain = document.toString({ lineWidth: 0 });
  const lines = text.includes('\r\n') ? plain.replace(/\r?\n/g, '\r\n') : plain;
  return text.startsWith('\uFEFF') && !lines.startsWith('\uFEFF') ? `\uFEFF${lines}` : lines;
}

/** The node as far as it says what is meant; aliases and merge keys become what they stand for. */
function nodeThatSays(node: unknown, value: Json, document: Document.Parsed): unknown {
  if (isMap(node) && isObject(value)) {
    const stays = (pair: Pair): boolean => !isMerge(pair) && Object.hasOwn(value, keyName(pair.key));
    node.items = node.items.filter(stays);
    for (const pair of node.items) pair.value = nodeThatSays(pair.value, own(value, keyName(pair.key)) ?? null, document);
    const has = new Set(node.items.map(({ key }) => keyName(key)));
    for (const [name, item] of Object.entries(value)) if (!has.has(name)) node.items.push(document.createPair(name, item));
    delete node.anchor;
    return node;
  }
  if (!isDeepStrictEqual(nodeValue(node), value)) {
    const { comment, commentBefore, spaceBefore } = (node ?? {}) as { [key: string]: unknown };
    return Object.assign(document.createNode(value), { comment, commentBefore, spaceBefore });
  }
  visit(node as never, {
    Node(_, inner) {
      if ('anchor' in inner) delete inner.anchor;
      // Written in a way of its own (`0660`): as a number it would come out another.
      if (isScalar(inner)) inner.value = nodeValue(inner);
    },
  });
  return node;
}
