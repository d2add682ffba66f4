import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../../src/events/index.ts';
import { compileSchema, judgeDocument } from '../../../../src/plugins/schemas/judge-schema.ts';
import { isMultiple } from '../../../../src/plugins/schemas/multiple-of.ts';
import { schemaPattern } from '../../../../src/plugins/schemas/schema-pattern.ts';

const drafts: readonly (string | undefined)[] = [
  undefined,
  'https://json-schema.org/draft/2020-12/schema',
  'http://json-schema.org/draft/2020-12/schema#',
  'https://json-schema.org/draft/2019-09/schema',
  'http://json-schema.org/draft-07/schema#',
  'https://json-schema.org/draft-07/schema',
  'http://json-schema.org/draft-06/schema#',
  'http://json-schema.org/schema#',
];

const named = ($schema: string | undefined, schema: JsonObject): JsonObject => ($schema === undefined ? schema : { $schema, ...schema });

/** What is wrong with the document, or with the schema. */
function verdict(schema: JsonObject, document: JsonObject): string[] {
  const compiled = compileSchema(schema);
  const violations = typeof compiled === 'function' ? judgeDocument(compiled, document) : compiled;
  return violations.map(({ field, rule }) => `${field} ${rule}`);
}

for (const draft of drafts) {
  test(`what generators write is understood: ${draft ?? 'no $schema'}`, () => {
    const schema = named(draft, {
      id: 'a remark since draft 6',
      definitions: { price: { type: 'number', multipleOf: 0.01 } },
      properties: {
        price: { $ref: '#/definitions/price' },
        handle: { type: 'string', pattern: '^[a-z\\_]+\\@[a-z]+$' },
        size: { type: 'integer', format: 'a format of nobody' },
        name: { type: 'string', nullable: true },
        either: { anyOf: [{ type: 'string' }, { type: 'number' }], nullable: true, discriminator: { propertyName: 'x' } },
        nullable: { type: 'boolean' },
      },
      patternProperties: { '^x\\-': { type: 'string' } },
    });
    const good = { price: 19.99, handle: 'a_b@c', size: 1, name: null, either: 'x', nullable: true, 'x-a': 'y' };
    assert.deepEqual(verdict(schema, good), []);
    const bad = { price: 19.995, handle: 'a-b', size: 1.5, name: 1, either: true, nullable: 1, 'x-a': 1 };
    assert.deepEqual(
      [...new Set(verdict(schema, bad).map((line) => line.split(' ')[0]))].sort(),
      ['either', 'handle', 'name', 'nullable', 'price', 'size', 'x-a'].map((key) => `config.${key}`),
    );
  });
}

test('a list of items by place is draft-07, also where the schema does not say so', () => {
  const schema = { properties: { pair: { items: [{ type: 'string' }, { type: 'number' }], additionalItems: false } } };
  assert.deepEqual(verdict(schema, { pair: ['a', 1] }), []);
  assert.deepEqual(verdict(schema, { pair: [1, 1, 1] }).sort(), ['config.pair additionalItems', 'config.pair[0] type']);
  assert.deepEqual(verdict({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, {}).length > 0, true);
});

test('a dialect that is not known is named, and those that are', () => {
  for (const $schema of ['http://json-schema.org/draft-04/schema#', 'https://example.org/own', 7]) {
    const [violation] = compileSchema({ $schema }) as readonly { field: string; message: string }[];
    assert.deepEqual(
      [violation?.field, violation?.message],
      ['config_schema.$schema', 'must be one of 2020-12, 2019-09, draft-07, draft-06'],
    );
  }
});

test('a pattern of another language is refused with its place, the part and the remedy', () => {
  const schema = {
    properties: {
      a: { pattern: '^(?P<year>\\d{4})$' },
      pattern: { anyOf: [{ type: 'null' }, { pattern: '\\Aab\\Z' }] },
      data: { const: { pattern: '(?P<no schema>' }, 'x-ui': { pattern: '(?P<nor here>' } },
    },
    patternProperties: { '^[]x]': {} },
  };
  const compiled = compileSchema(schema);
  assert.ok(typeof compiled !== 'function');
  assert.deepEqual(
    compiled.map(({ field, message }) => `${field}: ${message}`),
    [
      'config_schema.patternProperties.^[]x]: must be a regular expression: [] at character 2 is not ECMAScript: a ] of the class itself is written \\]',
      'config_schema.properties.a.pattern: must be a regular expression: (?P<year> at character 2 is not ECMAScript: write (?<name>…)',
      'config_schema.properties.pattern.anyOf[1].pattern: must be a regular expression: \\A at character 1 is not ECMAScript: write ^',
    ],
  );
});

test('patterns: what is taken, and how it is understood', () => {
  const taken: readonly (readonly [string, string, string])[] = [
    // pattern, fits, does not fit
    ['^\\_\\-\\:\\ \\"$', '_-: "', 'x'],
    ['^[\\_\\-\\@a\\]]+$', 'a-_@]', 'b'],
    ['^{[a-z]+}$', '{abc}', 'abc'],
    ['^a{2,}$', 'aaa', 'a'],
    ['^\\{a\\}\\/$', '{a}/', 'a'],
    ['^(?<y>\\d)\\k<y>$', '11', '12'],
    ['^\\p{L}\\_$', 'ä_', '1_'],
    ['^(?i:ab)\\!$', 'AB!', 'AC!'],
    ['^\\é$', 'é', 'e'],
    ['^\\😀$', '😀', 'x'],
  ];
  for (const [pattern, fits, not] of taken) {
    assert.ok(schemaPattern(pattern).test(fits), `${pattern} fits ${fits}`);
    assert.ok(!schemaPattern(pattern).test(not), `${pattern} does not fit ${not}`);
  }
  const refused = [
    ...['(?P=y)', '(?#x)', '(?>a)', '(?(1)a)', '(?i)a', 'a{,3}', 'a++', '\\z', '\\N{DASH}', '\\U0001F600', '[[:alpha:]]', '[^]a]'],
    ...['a\\', '(', '[a', '*'],
  ];
  for (const pattern of refused) assert.throws(() => schemaPattern(pattern), `${pattern} is refused`);
});

test('multiples are those of the decimals that people write', () => {
  const multiples: readonly (readonly [number, number])[] = [
    ...([
      [19.99, 0.01],
      [0.3, 0.1],
      [123_456_789.01, 0.01],
      [1e308, 1e-10],
      [-4.5, 1.5],
      [0, 0.7],
      [1e-7, 1e-8],
      [5e-324, 5e-324],
    ] as const),
  ];
  for (const [value, factor] of multiples) assert.ok(isMultiple(value, factor), `${value} of ${factor}`);
  const others: readonly (readonly [number, number])[] = [
    [19.995, 0.01],
    [1.000_000_1, 1],
    [0.35, 0.1],
    [1e-8, 1e-7],
  ];
  for (const [value, factor] of others) assert.ok(!isMultiple(value, factor), `${value} of ${factor}`);
});
