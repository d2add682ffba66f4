import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { environmentName, keyTable, loadSettings, ownVariables } from '../../../src/settings/index.ts';
import { root } from '../../helpers/daemon.ts';
import { home } from './scratch.ts';

/** What of the project reads or gives variables; tests set theirs themselves. */
const sources = ['clients/python/src', 'clients/python/examples', 'src', 'bin', 'examples'];

function filesBelow(directory: string): readonly string[] {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.pyc$|^own-variables\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('every variable that a source names is a key or stands in the table', () => {
  const keys = keyTable.map(({ path }) => environmentName(path));
  const own = ownVariables.map(({ name }) => name);
  const named = new Map<string, string[]>();
  for (const file of sources.flatMap(filesBelow)) {
    for (const [name] of readFileSync(file, 'utf8').matchAll(/SBOXAGENT_[A-Z0-9]+(?:_[A-Z0-9]+)*(?!_)/g))
      named.set(name, [...(named.get(name) ?? []), file]);
  }
  for (const name of own) assert.ok(named.has(name), `${name} is in the table, and nobody reads it`);
  const python = [...named].filter(([, files]) => files.some((file) => file.includes('/clients/python/'))).map(([name]) => name);
  assert.ok(python.length >= 6, `the Python sources were read: ${python.join()}`);
  for (const [name, [file]] of named) {
    // Keys of units are named by the unit.
    const isKey = keys.includes(name) || /^SBOXAGENT_(?:PROCESSES|PLUGINS)_UNITS_/.test(name);
    assert.ok(isKey || own.includes(name), `${file} names ${name}: add it to src/settings/own-variables.ts`);
  }
});

test('a daemon that inherits them starts all the same', () => {
  const cwd = home({});
  for (const { name } of ownVariables) {
    if (name === 'SBOXAGENT_CONFIG') continue;
    assert.doesNotThrow(() => loadSettings({ env: { [name]: 'anything' }, cwd }), name);
  }
});

test('none of them is the name of a key', () => {
  const keys = new Set(keyTable.map(({ path }) => environmentName(path)));
  assert.deepEqual(
    ownVariables.filter(({ name }) => keys.has(name)),
    [],
  );
});
