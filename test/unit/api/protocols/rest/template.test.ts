import assert from 'node:assert/strict';
import { it } from 'node:test';
import { captured, parseTemplate } from '../../../../../src/api/protocols/rest/template.ts';
import { createTree } from '../../../../../src/api/protocols/rest/tree.ts';

const rows: [string, string, Record<string, string> | undefined][] = [
  ['/a', 'a', {}],
  ['/a', 'b', undefined],
  ['/a', 'a/b', undefined],
  ['/a/{id}', 'a/x', { id: 'x' }],
  ['/a/{id}', 'a/%2F', { id: '%2F' }],
  ['/a/{id}', 'a/', undefined],
  ['/a/{id}', 'a', undefined],
  ['/a/{id}/b/{other}', 'a/1/b/2', { id: '1', other: '2' }],
  ['/a/{id=*}', 'a/x', { id: 'x' }],
  ['/v1/{name=shelves/*}', 'v1/shelves/7', { name: 'shelves/7' }],
  ['/v1/{name=shelves/*}', 'v1/racks/7', undefined],
  ['/v1/{name=shelves/*/books/*}', 'v1/shelves/7/books/8', { name: 'shelves/7/books/8' }],
  ['/v1/{name=files/**}', 'v1/files/a/b/c', { name: 'files/a/b/c' }],
  ['/v1/{name=files/**}', 'v1/files', undefined],
  ['/v1/{book.name}', 'v1/x', { 'book.name': 'x' }],
  ['/v1/**', 'v1/a/b', {}],
  ['/v1/{name=shelves}', 'v1/shelves', { name: 'shelves' }],
];
for (const [template, path, params] of rows) {
  it(`${template} and ${path}`, () => {
    const parsed = parseTemplate(template);
    const tree = createTree<string>();
    tree.at(parsed, () => template);
    const found = tree.find(`/${path}`);
    assert.deepEqual(found && captured(parsed, found.parts), params);
  });
}

it('knows verbs', () => {
  assert.equal(parseTemplate('/a/{id}:restart').verb, 'restart');
  assert.equal(parseTemplate('/a:watch').verb, 'watch');
  assert.equal(parseTemplate('/a/{id}').verb, undefined);
});

for (const bad of ['', 'a', '/', '/a//b', '/a/{}', '/a/{id', '/a/**/b', '/a/x*']) {
  it(`refuses ${JSON.stringify(bad)}`, () => assert.throws(() => parseTemplate(bad)));
}
