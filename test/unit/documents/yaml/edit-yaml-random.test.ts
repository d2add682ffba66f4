/** Documents and edits at random: what comes out says what was meant (`editYaml` itself compares), and no edit is too odd to be made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editYaml } from '../../../../src/documents/yaml/edit-yaml.ts';
import { parseYaml } from '../../../../src/documents/yaml/yaml-values.ts';
import type { Json } from '../../../../src/events/types.ts';

const below = (n: number): number => Math.floor(Math.random() * n);
const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
const keys = ['a', 'b', 'c', '"d e"', 'f.g', "'h'", '? i', '1'];
const names = ['a', 'b', 'c', 'd e', 'f.g', 'h', 'i', '1', 'new'];
/** `@@` stands for the indentation. */
const values = [
  '1',
  'a',
  '"q: x"',
  '0660',
  '|\n@@x\n@@y\n',
  '>-\n@@f\n',
  '',
  '~',
  '[a, b]',
  '[ "x", y ] # c',
  '{}',
  '{p: 1, "q": [1,2]}',
  '[\n@@a, # one\n@@b\n@@]',
  '{p: 1,\n@@q: 2}',
  '&an 5',
  '!!str 5',
  '"multi\n@@line"',
  '\n@@- a # k\n@@# between\n@@- {x: 1}\n',
  '\n@@- x: 1\n@@  y: 2\n@@-\n@@  z: 3\n',
];
const leaves: readonly (Json | undefined)[] = [undefined, 1, 'x', 'no: t', true, [], ['a'], ['a', 'b', 'zz'], 'l1\nl2', '# h'];

function document(depth: number, indent: number): string {
  const pad = ' '.repeat(indent);
  const chosen = keys.filter(() => below(3) === 0);
  const pairs = chosen.map((key) => {
    const above = below(4) === 0 ? pick([`${pad}# c\n`, '\n', '# x\n']) : '';
    if (depth > 0 && below(2) === 0 && key !== '? i') {
      const inner = document(depth - 1, indent + pick([1, 2, 4]));
      return `${above}${pad}${key}:${pick(['', ' # t'])}\n${inner}`;
    }
    const value = pick(values).replaceAll('@@', `${pad}  `);
    const colon = key === '? i' ? `\n${pad}: ` : ': ';
    return `${above}${pad}${key}${colon}${value}${value.endsWith('\n') ? '' : pick(['\n', ' # e\n'])}`;
  });
  return pairs.join('');
}

test('1500 documents at random', () => {
  for (let n = 0; n < 1500; n++) {
    let text = document(2, 0);
    if (below(10) === 0) text = text.replaceAll('\n', '\r\n');
    if (below(6) === 0) text = text.trimEnd();
    if (parseYaml(text).errors.length > 0) continue;
    const edits = Array.from({ length: 1 + below(4) }, () => ({
      path: Array.from({ length: 1 + below(3) }, () => pick(names)),
      value: pick(leaves),
    }));
    assert.doesNotThrow(() => editYaml(text, edits), `${text}\n${JSON.stringify(edits)}`);
  }
});
