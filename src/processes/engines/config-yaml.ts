import { isNode, isPair, isScalar, LineCounter, parseDocument, visit, type Document as YamlDocument } from 'yaml';
import { countValues, TextFaultError } from '../../documents/index.ts';
import type { Json } from '../../events/types.ts';
import { guardDepth } from '../../settings/nesting.ts';
import { judgeNames, maxDepth, maxValues } from './config-json.ts';
import { foldName } from './key-pattern.ts';

/** Ordinary lists of proxies have some thousand entries; the composer takes about 5 µs a token. */
const limits = { depth: maxDepth, tokens: 400_000, tags: 5000 };
/** A list of proxies may name one anchor in each entry; what names anchors of anchors multiplies and is soon beyond this. */
const maxAliases = 5000;

/** Tags that say what the value is anyway; `!!binary` would hide a text. */
const plainTag = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** YAML as mihomo and hysteria read it, merge keys included. Names that stand twice are refused. Throws TextFaultError. */
export function parseConfigYaml(text: string, isNames: (path: readonly string[]) => boolean = () => false): unknown {
  const lines = new LineCounter();
  guardDepth(text, (line, what) => new TextFaultError({ rule: 'too_deep', path: '', line, message: what }), limits);
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: true });
  // A warning is a tag that is not read here, and may be by the engine: `!!binary` would hide a text.
  const [error = document.warnings[0]] = document.errors;
  if (error !== undefined) {
    // The library's message may hold a part of the text after its first sentence.
    throw new TextFaultError({
      rule: 'syntax',
      path: '',
      line: lines.linePos(error.pos[0]).line,
      message: `not valid YAML (${error.code})`,
    });
  }
  refuseHiding(document, lines, isNames);
  const tooLarge = (message: string): TextFaultError => new TextFaultError({ rule: 'too_large', path: '', line: 0, message });
  let value: Json;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch {
    throw tooLarge(`more than ${maxAliases} aliases, or one of itself; write it out`);
  }
  // An alias is as many values at each place where it stands.
  if (countValues(value, maxValues) > maxValues)
    throw tooLarge(`more than ${maxValues} values, what its aliases stand for counted each time`);
  return value;
}

function refuseHiding(document: YamlDocument.Parsed, lines: LineCounter, isNames: (path: readonly string[]) => boolean): void {
  const lineOf = (node: unknown): number => (isNode(node) && node.range ? lines.linePos(node.range[0]).line : 0);
  const refuseTag = (node: unknown): void => {
    const tag = isNode(node) && 'tag' in node ? node.tag : undefined;
    if (tag === undefined || plainTag.test(tag)) return;
    const message = 'has a tag, by which the engine may read another value: write the value out';
    throw new TextFaultError({ rule: 'syntax', path: '', line: lineOf(node), message });
  };
  visit(document, {
    Node: (_, node) => refuseTag(node),
    Map(_, map, above) {
      refuseTag(map);
      const twice = judgeNames(isNames(pathOf(above)) ? (name) => name : foldName);
      for (const { key } of map.items) {
        const written = isScalar(key) ? String(key.value) : '<<';
        const message = written === '<<' ? undefined : twice(written);
        if (message !== undefined)
          throw new TextFaultError({ rule: 'duplicate_key', path: [...pathOf(above), written].join('.'), line: lineOf(key), message });
      }
    },
  });
}

/** Names of the tables around a node, folded. */
function pathOf(above: readonly unknown[]): readonly string[] {
  return above.flatMap((node) => (isPair(node) && isScalar(node.key) ? [foldName(String(node.key.value))] : []));
}
