import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, stringify } from 'yaml';
import type { Json, JsonObject } from '../../events/types.ts';
import { RefusedError } from '../../kernel/errors.ts';
import { isObject } from '../../kernel/is-object.ts';
import { guardDepth, isMerge } from '../../settings/index.ts';

const maxLength = 512 * 1024;
/** More than any configuration has; each resolves to a copy. */
const maxAliases = 100;
/** What YAML 1.1 would read otherwise is quoted (`no`): people read the files with other programs too. */
const style = { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false } as const;

/** What `file` of a problem says where the request brought the text. */
export const documentName = 'document';

/** Throws RefusedError for a text that is longer or deeper than the settings read at leisure. */
export function guardSize(text: string): void {
  const refuse = (line: number, message: string): RefusedError =>
    new RefusedError(`${documentName}:${line}: ${message}`, {
      problems: [{ path: '', file: documentName, line, rule: 'syntax', message }],
    });
  if (text.length > maxLength) throw refuse(1, 'larger than 512 KiB; this is no configuration');
  guardDepth(text, refuse);
}

/** A text that was guarded, or judged by the settings, before. Errors are read from `errors`. */
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

type Resolve = (alias: Alias) => unknown;

/** The same of a part of a document; aliases are nothing unless `resolve` knows better. */
export function nodeValue(node: unknown, resolve: Resolve = () => undefined): Json {
  if (isAlias(node)) return nodeValue(resolve(node), resolve);
  if (isMap(node)) return Object.fromEntries([...nodesOf(node.items, resolve)].map(([name, inner]) => [name, nodeValue(inner, resolve)]));
  if (isSeq(node)) return node.items.map((item) => nodeValue(item, resolve));
  return isScalar(node) ? scalarValue(node.value, node.source) : null;
}

/** What pairs say, by name: own keys go before what merge keys bring, and of several merged mappings the first counts. */
export function nodesOf(pairs: readonly Pair[], resolve: Resolve): ReadonlyMap<string, unknown> {
  const mergedFrom = (value: unknown): (readonly [string, unknown])[] => {
    const node = isAlias(value) ? resolve(value) : value;
    if (isSeq(node)) return [...node.items].reverse().flatMap(mergedFrom);
    return isMap(node) ? [...nodesOf(node.items, resolve)] : [];
  };
  const [merged, own] = [pairs.filter(isMerge), pairs.filter((pair) => !isMerge(pair))];
  return new Map([...merged.flatMap(({ value }) => mergedFrom(value)), ...own.map(({ key, value }) => [keyName(key), value] as const)]);
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

/** What needs no quotes, told without asking the library, which is slow in long lists. */
const plainWord = /^[A-Za-z][\w./-]*$/;
const spoken = /^(y|n|yes|no|on|off|true|false|null|inf|nan)$/i;

/** On one line, right in block and flow collections alike. */
export function inlineYaml(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${inlineYaml(key)}: ${inlineYaml(item)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  if (typeof value !== 'string' || (plainWord.test(value) && !spoken.test(value))) return String(value);
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

/** After the line break of the line in which content ends. */
export function lineEnd(text: string, at: number): number {
  if (at > 0 && text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}
