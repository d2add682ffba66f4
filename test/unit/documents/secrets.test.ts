import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretPlaces } from '../../../src/documents/places.ts';
import { maskObject, maskValue, type Restored, restoreMasked } from '../../../src/documents/secrets.ts';
import type { JsonObject } from '../../../src/events/index.ts';
import { schemaPlaces } from '../../../src/plugins/schemas/secret-schema.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';
import { openDocumentRoom, refusalOf, update } from '../plugins/documents/room.ts';

function createSecrets(schema: JsonObject | undefined, paths: readonly string[]) {
  const place = secretPlaces({ declared: schemaPlaces(schema), paths });
  return {
    masked: (document: JsonObject): JsonObject => maskObject(document, place),
    merged: (document: JsonObject, stored: JsonObject): Pick<Restored<JsonObject>, 'value' | 'violations'> => {
      const { value, violations } = restoreMasked(document, stored, { place, root: 'config' });
      return { value, violations };
    },
  };
}

const secret = { type: 'string', writeOnly: true } as const;

/** Written as text, because an object with a `then` looks like a promise. */
const conditional = JSON.parse(
  `{"if": {"properties": {"a": {"writeOnly": true}}}, "then": {"properties": {"b": {"writeOnly": true}}}, "else": {"properties": {"c": {"writeOnly": true}}}}`,
) as JsonObject;

/** [what, schema, secret paths, document, masked]. */
const cases: readonly (readonly [string, JsonObject | undefined, readonly string[], JsonObject, JsonObject])[] = [
  [
    'names',
    undefined,
    [],
    { password: 'a', has_password: true, db: { authToken: 'b', note: 'c' } },
    { password: '***', has_password: true, db: { authToken: '***', note: 'c' } },
  ],
  ['urls', undefined, [], { url: 'https://u:p@h/x?token=abc&n=1' }, { url: 'https://***@h/x?token=***&n=1' }],
  ['properties', { properties: { a: secret, b: {} } }, [], { a: 'x', b: 'y' }, { a: '***', b: 'y' }],
  ['format', { properties: { a: { format: 'password' } } }, [], { a: 'x' }, { a: '***' }],
  ['numbers and objects too', { properties: { a: secret, b: secret } }, [], { a: 12, b: { c: 1 } }, { a: '***', b: '***' }],
  ['nothing is no secret', { properties: { a: secret, b: secret } }, [], { a: null, b: '' }, { a: null, b: '' }],
  [
    'items',
    { properties: { l: { items: { properties: { k: secret } } } } },
    [],
    { l: [{ k: 'x', n: 1 }, { k: 'y' }] },
    { l: [{ k: '***', n: 1 }, { k: '***' }] },
  ],
  ['prefixItems', { properties: { l: { prefixItems: [{}, secret], items: {} } } }, [], { l: ['a', 'b', 'c'] }, { l: ['a', '***', 'c'] }],
  [
    'items by place before draft 2020-12',
    { properties: { l: { items: [{}, secret], additionalItems: secret } } },
    [],
    { l: ['a', 'b', 'c'] },
    { l: ['a', '***', '***'] },
  ],
  [
    'an anchor before draft 2019-09',
    {
      definitions: { s: { $id: '#s', ...secret }, o: { properties: { b: secret } } },
      properties: { a: { $ref: '#s' }, c: { $ref: '#/definitions/o' }, d: {} },
    },
    [],
    { a: 'x', c: { b: 'y', n: 'z' }, d: 'w' },
    { a: '***', c: { b: '***', n: 'z' }, d: 'w' },
  ],
  [
    'what does not fit a pattern with needless escapes is judged by the rest',
    { patternProperties: { '^x\\_': {} }, additionalProperties: secret },
    [],
    { x_a: 'plain', y: 'hidden' },
    { x_a: 'plain', y: '***' },
  ],
  ['additionalProperties', { properties: { a: {} }, additionalProperties: secret }, [], { a: 'x', b: 'y' }, { a: 'x', b: '***' }],
  ['patternProperties', { patternProperties: { '^key_': secret } }, [], { key_a: 'x', other: 'y' }, { key_a: '***', other: 'y' }],
  ['a pattern that may take for ever fits all', { patternProperties: { '^(a+)+$': secret } }, [], { x: 'y' }, { x: '***' }],
  ['$ref', { $defs: { s: secret }, properties: { a: { $ref: '#/$defs/s' } } }, [], { a: 'x' }, { a: '***' }],
  [
    '$anchor and $id',
    {
      $defs: { s: { $anchor: 's', ...secret }, t: { $id: 'https://x/t', properties: { b: secret } } },
      properties: { a: { $ref: '#s' }, c: { $ref: 'https://x/t' } },
    },
    [],
    { a: 'x', c: { b: 'y' } },
    { a: '***', c: { b: '***' } },
  ],
  [
    'recursion',
    { properties: { k: secret, child: { $ref: '#' } } },
    [],
    { child: { child: { k: 'x' } } },
    { child: { child: { k: '***' } } },
  ],
  [
    'a loop of references',
    { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, properties: { a: { $ref: '#/$defs/a' } } },
    [],
    { a: 'x' },
    { a: 'x' },
  ],
  ['a reference to nothing', { properties: { a: { $ref: 'https://elsewhere/x' } } }, [], { a: 'x' }, { a: '***' }],
  ['allOf', { allOf: [{ properties: { a: secret } }] }, [], { a: 'x' }, { a: '***' }],
  ['anyOf', { anyOf: [{ properties: { a: secret } }, {}] }, [], { a: 'x' }, { a: '***' }],
  [
    'oneOf below',
    { properties: { o: { oneOf: [{ properties: { a: secret } }, { properties: { b: {} } }] } } },
    [],
    { o: { a: 'x', b: 'y' } },
    { o: { a: '***', b: 'y' } },
  ],
  ['if, then, else', conditional, [], { a: 'x', b: 'y', c: 'z' }, { a: '***', b: '***', c: '***' }],
  [
    'secret paths',
    undefined,
    ['auth.user', 'list.x', 'list2[1]', 'any.*.k', 'all[].q'],
    { auth: { user: 'a', n: 1 }, list: [{ x: 1 }], list2: ['a', 'b'], any: { z: { k: 'v' } }, all: [{ q: 'w' }] },
    { auth: { user: '***', n: 1 }, list: [{ x: '***' }], list2: ['a', '***'], any: { z: { k: '***' } }, all: [{ q: '***' }] },
  ],
  ['the root is never masked as a whole', { writeOnly: true }, [], { a: 'x' }, { a: 'x' }],
];

for (const [what, schema, paths, document, masked] of cases) {
  test(`masked: ${what}`, () => {
    const secrets = createSecrets(schema, paths);
    assert.deepEqual(secrets.masked(document), masked);
    // What is read and written back unchanged is the stored document.
    assert.deepEqual(secrets.merged(masked, document), { value: document, violations: [] });
  });
}

test('a schema of many branches is walked in time that its size bounds', () => {
  const branch = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${(i + 1) % 200}` }, { $ref: `#/$defs/d${(i + 7) % 200}` }], properties: { a: { $ref: '#/$defs/d0' } } },
    ]),
  );
  const secrets = createSecrets({ $defs: { ...branch }, $ref: '#/$defs/d0' } as JsonObject, []);
  const list = Array.from({ length: 2000 }, (_, i) => ({ a: { a: { [`k${i}`]: i } } }));
  const spent = startCpuTime();
  secrets.masked({ a: { list } } as unknown as JsonObject);
  const ms = spent();
  assert.ok(ms < 1500, `${ms} ms`);
});

test('secrets survive read, modify, write: also in lists that grow, shrink and change their order', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  await keeper.setSchema('p', {
    schema: { properties: { servers: { items: { properties: { key: secret } } }, plain: { items: secret } } },
    secretPaths: [],
    mayUnmask: true,
  });
  await keeper.update(
    'p',
    update({ servers: [{ id: 'a', key: 'ka', port: 1 }, { name: 'b', key: 'kb' }, { key: 'kc' }], plain: ['x', 'y'] }),
  );
  const got = keeper.get('p').config;
  assert.deepEqual(got, { servers: [{ id: 'a', key: '***', port: 1 }, { name: 'b', key: '***' }, { key: '***' }], plain: ['***', '***'] });
  await keeper.update('p', update({ ...got, servers: [{ id: 'a', key: '***', port: 2 }, { name: 'b', key: '***' }, { key: '***' }] }));
  assert.deepEqual(keeper.unmasked('p').config, {
    servers: [{ id: 'a', key: 'ka', port: 2 }, { name: 'b', key: 'kb' }, { key: 'kc' }],
    plain: ['x', 'y'],
  });
  await keeper.update(
    'p',
    update({ servers: [{ name: 'b', key: '***' }, { id: 'new', key: 'kn' }, { id: 'a', key: '***' }, { key: 'kd' }], plain: ['z', '***'] }),
  );
  assert.deepEqual(keeper.unmasked('p').config, {
    servers: [{ name: 'b', key: 'kb' }, { id: 'new', key: 'kn' }, { id: 'a', key: 'ka' }, { key: 'kd' }],
    plain: ['z', 'y'],
  });
});

test('*** that stands for nothing is a violation that says why', async () => {
  await using room = await openDocumentRoom();
  const { keeper } = room;
  await keeper.update('p', update({ token: 'abc', text: 'x', url: 'https://u:p@h/', list: [{ id: 'a', secret: 's' }, { secret: 't' }] }));
  const bad: readonly (readonly [JsonObject, string, RegExp])[] = [
    [{ text: '***' }, 'config.text', /no secret is stored/],
    [{ other: { token: '***' } }, 'config.other.token', /no secret is stored/],
    [{ url: 'https://***@evil/' }, 'config.url', /another than the stored/],
    [{ list: [{ id: 'b', secret: '***' }, { secret: 't' }] }, 'config.list[0].secret', /no secret is stored/],
    [{ list: [{ secret: '***' }] }, 'config.list[0].secret', /another length/],
  ];
  for (const [config, field, why] of bad) {
    const refused = await refusalOf(() => keeper.update('p', update(config)));
    assert.deepEqual(refused.fields, [`${field} secret`]);
    assert.match(refused.text, why);
  }
  assert.equal(keeper.get('p').revision, 1);
  assert.equal((await keeper.update('p', update({ url: 'https://***@h/' }))).revision, 2);
  assert.deepEqual(keeper.unmasked('p').config, { url: 'https://u:p@h/' });
});

test('large lists are merged in time that their length bounds', async () => {
  const list = Array.from({ length: 20_000 }, (_, i) => ({ id: `n${i}`, password: `p${i}` }));
  const secrets = createSecrets(undefined, []);
  const spent = startCpuTime();
  const merged = secrets.merged(secrets.masked({ list }), { list });
  const ms = spent();
  assert.ok(ms < 2000, `${ms} ms`);
  assert.deepEqual(merged, { value: { list }, violations: [] });
});

test('items without a name are found by what they look like, and large lists of them cost no more than their length', () => {
  const { masked, merged } = createSecrets(undefined, []);
  const list = Array.from({ length: 5000 }, (_, i) => ({ port: i, password: `p${i}` }));
  const shown = masked({ list })['list'] as JsonObject[];
  const spent = startCpuTime();
  assert.deepEqual(merged({ list: [{ port: -1 }, ...shown] }, { list }), { value: { list: [{ port: -1 }, ...list] }, violations: [] });
  const ms = spent();
  assert.ok(ms < 2000, `${ms} ms`);
  assert.equal(maskValue('https://u:p@h', secretPlaces({})), 'https://***@h');
});

test('an item that names its user keeps its own secret, and never takes that of the user who stood there', () => {
  const place = secretPlaces({});
  const stored = {
    users: [
      { username: 'ann', password: 'p-ann' },
      { email: 'bob@a.example', password: 'p-bob' },
    ],
  };
  const swapped = {
    users: [
      { email: 'bob@a.example', password: '***' },
      { username: 'ann', password: '***' },
    ],
  };
  assert.deepEqual(restoreMasked(swapped, stored, { place }).value, { users: stored.users.toReversed() });
  const renamed = restoreMasked({ users: [{ username: 'eve', password: '***' }, stored.users[1] ?? {}] }, stored, { place });
  assert.deepEqual(
    renamed.violations.map(({ field }) => field),
    ['users[0].password'],
  );
});
