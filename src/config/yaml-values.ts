import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, stringify } from 'yaml';
import type { Json, JsonObject } from '../events/types.ts';
import { isObject } from './paths.ts';

/** More than any configuration has; each resolves to a copy. */
const maxAliases = 100;
/** What YAML 1.1 would read otherwise is quoted (`no`): people read the files with other programs too. */
const style = { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false } as const;

/** A text that the settings have judged, or guarded against deep nests, before. Errors are read from `errors`. */
export function parseYaml(text: string): Document.Parsed {
  return parseDocument(text, { prettyErrors: false, uniqueKeys: false });
}

/**
 * What a document says, as plain data. Numbers that are written in a way of their own (`0660`, `1.10`) come as the texts that they
 * are: to people, and to the settings, `mode: 0660` is no 660.
 */
export function plainValue(document: Document.Parsed): JsonObject {
  let aliases = 0;
  const value = nodeValue(document.contents, (alias) => {
    aliases += 1;
    return aliases > maxAliases ? undefined : alias.resolve(document);
  });
  return isObject(value) ? value : {};
}

/** The same of a part of a document; aliases are nothing unless `resolve` knows better. */
export function nodeValue(node: unknown, resolve: (alias: Alias) => unknown = () => undefined): Json {
  if (isAlias(node)) return nodeValue(resolve(node), resolve);
  if (isMap(node)) return Object.fromEntries(node.items.map(({ key, value }) => [keyName(key), nodeValue(value, resolve)]));
  if (isSeq(node)) return node.items.map((item) => nodeValue(item, resolve));
  return isScalar(node) ? scalarValue(node.value, node.source) : null;
}

function scalarValue(value: unknown, source: string | undefined): Json {
  if (typeof value === 'number') return source === undefined || String(value) === source ? value : source;
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : String(value);
}

/** The name of a key as the settings take it. */
export function keyName(key: unknown): string {
  if (!isScalar(key)) return '';
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

/** On one line, right in block and flow collections alike. */
export function inlineYaml(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${inlineYaml(key)}: ${inlineYaml(item)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  const text = stringify([value], { ...style, collectionStyle: 'flow', flowCollectionPadding: false, blockQuote: false });
  return text.trim().slice(1, -1).trim();
}

/** Lines without indentation, each ended; `step` blanks a level. */
export function blockYaml(value: Json, step: number): string {
  return stringify(value, { ...style, indent: step });
}

/** Where the content of a node ends: before its comment and line break. */
export function contentEnd(node: unknown, otherwise: number): number {
  if (isMap(node) && node.flow !== true) {
    const last = node.items.at(-1);
    return last === undefined ? otherwise : pairEnd(last, otherwise);
  }
  if (isSeq(node) && node.flow !== true) return contentEnd(node.items.at(-1), otherwise);
  const range = (node as Node | null)?.range;
  return range ? range[1] : otherwise;
}

export function pairEnd({ key, value }: { key: unknown; value: unknown }, otherwise: number): number {
  const keyEnd = (key as Node | null)?.range?.[1] ?? otherwise;
  return Math.max(contentEnd(value, keyEnd), keyEnd);
}
