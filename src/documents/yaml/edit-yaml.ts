import { isDeepStrictEqual } from 'node:util';
import { type Document, isAlias, isMap, isScalar, type Pair, visit, type YAMLMap } from 'yaml';
import type { Json, JsonObject } from '../../events/types.ts';
import { removeAt, setAt } from '../paths.ts';
import { additions, type Edit, removals, replacements, type Splice, Unusual } from './edit-splices.ts';
import { unshare } from './unshare.ts';
import { guardSize, inlineYaml, keyName, parseYaml, plainValue } from './yaml-values.ts';

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
  return spliced(text, edits, meant) ?? rebuilt(text, edits, meant);
}

/** Throws RefusedError for a text that has become too large. */
function says(text: string, meant: JsonObject): boolean {
  guardSize(text);
  const document = parseYaml(text);
  return document.errors.length === 0 && isDeepStrictEqual(plainValue(document), meant);
}

function spliced(text: string, edits: readonly Edit[], meant: JsonObject): string | undefined {
  const passes = [replacements, removals, additions];
  // JSON is YAML, and a file that is read as JSON elsewhere stays it.
  const inline = isJson(text) ? (value: Json): string => JSON.stringify(value) : inlineYaml;
  try {
    const apart = unshare({ document: parsed(text), text }, edits, (before, splices) => {
      const after = spliceAll(before, splices);
      return { document: parsed(after), text: after };
    });
    const edited = passes.reduce(
      (before, splices) => spliceAll(before, splices({ document: parsed(before), text: before, edits, inline })),
      apart,
    );
    return says(edited, meant) ? edited : undefined;
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
  if (document.errors.length > 0) throw new Unusual();
  return document;
}

/** From the end, so that places stay right; of two at one place the deeper one comes first in the text. */
function spliceAll(text: string, splices: readonly Splice[]): string {
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  let edited = text;
  let rest = Number.POSITIVE_INFINITY;
  for (const { at, end, text: piece } of [...splices].sort((a, b) => b.at - a.at || (a.column ?? 0) - (b.column ?? 0))) {
    if (end > rest) throw new Unusual();
    edited = edited.slice(0, at) + piece.replace(/\r?\n/g, lineBreak) + edited.slice(end);
    rest = at;
  }
  return edited;
}

function rebuilt(text: string, edits: readonly Edit[], meant: JsonObject): string {
  const document = parsed(text);
  withoutAliases(document);
  for (const { path, value } of edits) {
    if (value !== undefined) set(document, path, value);
    else remove(document, path);
  }
  const plain = document.toString({ lineWidth: 0 });
  const lines = text.includes('\r\n') ? plain.replace(/\r?\n/g, '\r\n') : plain;
  const edited = text.startsWith('\uFEFF') && !lines.startsWith('\uFEFF') ? `\uFEFF${lines}` : lines;
  if (!says(edited, meant)) throw new Error('the document cannot be edited');
  return edited;
}

/** A pair by its name, as the settings take it: a key may be written as a number. */
function pairOf(map: unknown, name: string): Pair | undefined {
  return isMap(map) ? map.items.find(({ key }) => keyName(key) === name) : undefined;
}

function set(document: Document.Parsed, path: readonly string[], value: Json): void {
  if (!isMap(document.contents)) document.contents = document.createNode({}) as never;
  let at: unknown = document.contents;
  for (const [index, name] of path.entries()) {
    const last = index === path.length - 1;
    const pair = pairOf(at, name);
    if (pair !== undefined && !last && isMap(pair.value)) {
      at = pair.value;
      continue;
    }
    const node = document.createNode(last ? value : {});
    if (pair !== undefined) pair.value = node;
    else if (isMap(at)) at.items.push(document.createPair(name, node));
    at = node;
  }
}

function remove(document: Document.Parsed, path: readonly string[]): void {
  const way: YAMLMap[] = [];
  let at: unknown = document.contents;
  for (const name of path) {
    const pair = pairOf(at, name);
    if (!isMap(at) || pair === undefined) return;
    way.push(at);
    at = pair.value;
  }
  for (const [index, map] of [...way.entries()].reverse()) {
    map.items = map.items.filter((pair) => pair !== pairOf(map, path[index] ?? ''));
    if (map.items.length > 0) return;
  }
}

/** Each alias becomes what it stands for: a change of one place is none of the others. */
function withoutAliases(document: Document.Parsed): void {
  visit(document, {
    Alias(_, alias) {
      const copy = alias.resolve(document)?.clone();
      if (copy === undefined || isAlias(copy)) throw new Error('the document cannot be edited');
      const { comment, commentBefore, spaceBefore } = alias;
      return Object.assign(copy, { comment, commentBefore, spaceBefore }) as never;
    },
  });
  visit(document, {
    Node(_, node) {
      if ('anchor' in node) delete node.anchor;
      // Written in a way of its own (`0660`): as a number it would come out another.
      if (isScalar(node) && typeof node.value === 'number' && node.source !== undefined && String(node.value) !== node.source) {
        node.value = node.source;
      }
    },
  });
}
