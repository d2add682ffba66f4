import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../src/kernel/catalogue.ts';
import { importTable } from './import-table.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

test('docs/architecture.md has the import table', () => {
  const rows = [...read('docs/architecture.md').matchAll(/^\| `(\w+)` \|[^|]*\| ([^|]+) \|$/gm)];
  const told = Object.fromEntries(rows.map(([, room = '', list = '']) => [room, list.trim() === '–' ? [] : list.trim().split(', ')]));
  const held = Object.fromEntries(Object.entries(importTable).map(([room, { rooms }]) => [room, Object.keys(rooms).sort()]));
  assert.deepEqual(told, held);
});

test('every package with an install script is named in the docs, with why it is harmless', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { hasInstallScript?: boolean }> };
  const names = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript === true ? [path.replace(/^.*node_modules\//, '')] : [],
  );
  const [, told = ''] = read('docs/decisions/README.md').split('## Packages with install scripts');
  assert.deepEqual(
    [...told.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name),
    names.sort(),
  );
});

test('the proto and docs/errors.md have the reasons of the catalogue', () => {
  const reasons = Object.keys(catalogue).sort();
  const inProto = [...read('proto/sboxagent/v1/error_reason.proto').matchAll(/^ {4}([A-Z_]+) = [1-9]\d*;$/gm)].map((m) => m[1]).sort();
  const inDocs = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \|/gm)];
  assert.deepEqual(inProto, reasons);
  assert.deepEqual(inDocs.map((m) => m[1]).sort(), reasons);
  for (const [, reason, code] of inDocs) assert.equal(catalogue[reason as keyof typeof catalogue].code.toUpperCase(), code);
});
