import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declaredPlaces, secretPathsAfter } from '../../../../src/plugins/documents/secret-places.ts';

const secret = { type: 'string', writeOnly: true };

test('the secret places of a schema, wherever it declares them', () => {
  const table: readonly (readonly [object, readonly string[]])[] = [
    [{ properties: { a: secret, b: { type: 'string' } } }, ['a']],
    [{ properties: { list: { items: { properties: { key: { format: 'password' } } } } } }, ['list.*.key']],
    [{ properties: { pair: { prefixItems: [{}, secret] } } }, ['pair.*']],
    [{ patternProperties: { '^x-': secret } }, ['*']],
    [{ additionalProperties: { properties: { token: secret } } }, ['*.token']],
    [{ anyOf: [{ properties: { a: secret } }, { properties: { b: secret } }] }, ['a', 'b']],
    [{ properties: { 'a.b': secret } }, ['*']],
    [{ $defs: { s: secret }, properties: { a: { $ref: '#/$defs/s' } } }, ['a']],
    [
      { $defs: { n: { properties: { key: secret, next: { $ref: '#/$defs/n' } } } }, properties: { n: { $ref: '#/$defs/n' } } },
      ['n.key', 'n.next.key', 'n.next.next'],
    ],
    [{ properties: { a: { type: 'string' } } }, []],
  ];
  for (const [schema, places] of table) assert.deepEqual(declaredPlaces(schema as never), places, JSON.stringify(schema));
});

test('more than can be followed is secret as a whole', () => {
  const wide = { properties: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, secret])) };
  assert.deepEqual(declaredPlaces(wide), ['*']);
});

test('a registration adds secret places; only who may configure takes one away, and only where nothing is stored', () => {
  const before = { schema: { properties: { a: secret } }, secretPaths: ['url'], document: undefined, hasBackups: false };
  const bare = { schema: {}, secretPaths: [] };
  assert.deepEqual(secretPathsAfter(before, { ...bare, mayUnmask: false }), ['url', 'a']);
  assert.deepEqual(secretPathsAfter(before, { schema: undefined, secretPaths: ['b'], mayUnmask: false }), ['b', 'url', 'a']);
  assert.deepEqual(secretPathsAfter(before, { ...before, mayUnmask: false }), ['url']);
  assert.deepEqual(secretPathsAfter(before, { ...bare, mayUnmask: true }), []);
  assert.deepEqual(secretPathsAfter({ ...before, document: { a: 's', c: 1 } }, { ...bare, mayUnmask: true }), ['a']);
  assert.deepEqual(secretPathsAfter({ ...before, hasBackups: true }, { ...bare, mayUnmask: true }), ['url', 'a']);
});
