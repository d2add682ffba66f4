/** What is loaded late must be there: a start no longer shows that it is not. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { late } from '../../src/kernel/late.ts';

const root = join(import.meta.dirname, '../..');
const written = /late<typeof import\('([^']+)'\)>\(import\.meta, '([^']+)'\)/g;
const used = globSync('src/*/**/*.ts', { cwd: root }).flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  const calls = text.match(/\blate<[^(]*(?:\([^)]*\))?>\(/g) ?? [];
  const found = [...text.matchAll(written)].map(([, type = '', specifier = '']) => ({ file, type, specifier }));
  if (file !== 'src/kernel/late.ts') assert.equal(found.length, calls.length, `${file}: late() is written in the one way that is tested`);
  return file === 'src/kernel/late.ts' ? [] : found;
});

test('there is something that is loaded late', () => {
  assert.ok(used.length > 0);
});

for (const { file, type, specifier } of used) {
  test(`${file} finds ${specifier}, the same module as import does`, async () => {
    assert.equal(type, specifier);
    const url = pathToFileURL(join(root, file)).href;
    const meta = { resolve: (name: string) => import.meta.resolve(name.startsWith('.') ? new URL(name, url).href : name) } as ImportMeta;
    const there = late<object>(meta, specifier)();
    assert.ok(Object.keys(there).length > 0);
    const imported: unknown = await import(
      specifier.startsWith('.') ? pathToFileURL(join(root, dirname(file), specifier)).href : specifier
    );
    assert.equal(there, imported);
  });
}
