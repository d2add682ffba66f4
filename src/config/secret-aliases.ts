import { type Alias, type Document, isAlias, isMap, isScalar, isSeq } from 'yaml';
import { dotted, keyName, parseYaml, type Texts } from '../documents/index.ts';
import { maskText, maskWord } from '../settings/index.ts';
import { canonical } from './leaves.ts';

type Path = readonly string[];

/** Calls `scalar` and `alias` for what stands in a node; items of a list have the list's path. */
function walk(
  node: unknown,
  path: Path,
  on: { scalar?: (path: Path, value: string, before?: string) => void; alias?: (path: Path, alias: Alias) => void },
): void {
  if (isAlias(node)) on.alias?.(path, node);
  if (isScalar(node) && node.value !== null) on.scalar?.(path, String(node.value));
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (isAlias(key)) on.alias?.(path, key);
      walk(value, [...path, keyName(key)], on);
    }
  }
  if (!isSeq(node)) return;
  for (const [i, item] of node.items.entries()) {
    const before: unknown = i === 0 ? undefined : node.items[i - 1];
    if (isScalar(item) && item.value !== null) on.scalar?.(path, String(item.value), isScalar(before) ? String(before.value) : '');
    else walk(item, path, on);
  }
}

/** The anchors of a text that hold a secret, by the place where they stand. */
function secretAnchors(document: Document.Parsed): ReadonlySet<unknown> {
  const found = new Set<unknown>();
  const visit = (node: unknown, path: Path): void => {
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined && holdsSecret(node, path)) found.add(node);
    if (isMap(node)) for (const { key, value } of node.items) visit(value, [...path, keyName(key)]);
    if (isSeq(node)) for (const item of node.items) visit(item, path);
  };
  visit(document.contents, []);
  return found;
}

function holdsSecret(node: unknown, path: Path): boolean {
  let secret = false;
  walk(node, path, {
    scalar(at, value, before) {
      const name = dotted(canonical(at));
      secret ||= maskText(name, value) !== value || (before !== undefined && maskWord(name, value, before) !== value);
    },
  });
  return secret;
}

/** The keys at which an alias stands for something secret that is written elsewhere. */
export function secretAliases(texts: Texts): ReadonlyMap<string, Path> {
  const found = new Map<string, Path>();
  for (const text of texts.values()) {
    if (!text.includes('*')) continue;
    const document = parseYaml(text);
    const anchors = secretAnchors(document);
    if (anchors.size === 0) continue;
    walk(document.contents, [], {
      alias(path, alias) {
        const target = alias.resolve(document);
        if (anchors.has(target)) found.set(`${dotted(path)}*${alias.source}`, canonical(path));
      },
    });
  }
  return found;
}
