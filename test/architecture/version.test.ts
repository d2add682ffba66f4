/** The version stands in package.json; what must repeat it is held equal, and nothing else does. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

test('whatever repeats the version says the same', () => {
  assert.deepEqual(
    {
      lock: JSON.parse(read('package-lock.json')).version,
      python: /__version__ = "([^"]*)"/.exec(read('clients/python/src/sboxagent_client/_version.py'))?.[1],
      openapi: JSON.parse(read('gen/openapi/openapi.json')).info.version,
    },
    { lock: version, python: version, openapi: version },
  );
});

test('the changelog has the newest changes at its top, in the order of versions', () => {
  const titles = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\](?: - (\S+))?$/gm)];
  assert.equal(titles[0]?.[1], 'Unreleased');
  for (const [title, , date] of titles.slice(1)) assert.match(date ?? '', /^\d{4}-\d\d-\d\d$/, title);
  const kinds = new Set(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']);
  const sections = [...read('CHANGELOG.md').matchAll(/^### (.+)$/gm)].map(([, kind = '']) => kind);
  assert.deepEqual(
    sections.filter((kind) => !kinds.has(kind)),
    [],
  );
});

test('no program has a version of its own written down', () => {
  const quoted = new RegExp(`['"]v?${version.replaceAll('.', '\\.')}['"]`);
  const programs = globSync('{bin,src,deploy,clients/typescript}/**/*.{ts,js,json,service,yaml}', { cwd: root });
  const literal = programs.filter((path) => !path.includes('node_modules') && quoted.test(read(path)));
  assert.deepEqual(literal, []);
});
