import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load } from './scratch.ts';

test('the examples of docs/supervision.md are read as they stand', () => {
  const text = readFileSync(new URL('../../../docs/supervision.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
  assert.equal(blocks.length, 2);
  for (const block of blocks) assert.ok(load(block).settings.processes.units['edge']?.engine);
});
