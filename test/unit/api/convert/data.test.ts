import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import { EventSchema } from '../../../../gen/es/sboxagent/v1/event_pb.js';
import { dataOf } from '../../../../src/api/convert/data.ts';
import { askedPage } from '../../../../src/api/convert/page.ts';
import { AgentError, type Violation } from '../../../../src/kernel/errors.ts';

const rows: [string, unknown, string[]][] = [
  ['plain', { a: [1, 'x', null, true, { b: 1 }] }, []],
  ['NaN', { a: Number.NaN }, ['data.a']],
  ['infinite in a list', { a: [1, Number.POSITIVE_INFINITY] }, ['data.a[1]']],
  ['half a character', { a: '\ud800' }, ['data.a']],
  ['half a character in a key', { '\ud800': 1 }, ['data']],
  ['too deep', { a: { b: { c: { d: 1 } } } }, ['data.a.b.c']],
];
function violationsOf(value: unknown): readonly Violation[] {
  try {
    assert.equal(dataOf(value as object, 'data', 3), value);
    return [];
  } catch (error) {
    assert.ok(error instanceof AgentError);
    return error.violations;
  }
}

for (const [name, value, fields] of rows) {
  it(name, () => {
    assert.deepEqual(
      violationsOf(value).map(({ field }) => field),
      fields,
    );
  });
}

it('a million faults are told in a hundred sentences', () => {
  assert.equal(violationsOf({ a: new Array(1000).fill(Number.NaN) }).length, 100);
});

it('the library keeps __proto__ to the letter in every codec', () => {
  const text = '{"type":"a","data":{"__proto__":{"x":1},"y":2},"attributes":{"__proto__":"z"}}';
  const message = fromJsonString(EventSchema, text);
  assert.equal(toJsonString(EventSchema, fromBinary(EventSchema, toBinary(EventSchema, message))), text);
  assert.deepEqual(Object.keys(message.data ?? {}), ['__proto__', 'y']);
});

it('page tokens', () => {
  const page = (pageToken: string, over: object = {}, pageSize = 0) =>
    askedPage({ pageSize, pageToken }, { list: 'events', said: ['filter'], cursor: 'number', ...over });
  const first = page('');
  const token = first.token(42);
  assert.deepEqual([first.after, page(token).after, first.token(undefined)], [undefined, 42, '']);
  const texts = askedPage({ pageSize: 0, pageToken: '' }, { list: 'events', said: ['filter'], cursor: 'string' });
  const other = page('', { list: 'other' });
  const bad = ['!', 'AAAA', token.slice(1), texts.token('x'), first.token(1.5), other.token(1), 'bnVsbA'];
  for (const each of bad) assert.throws(() => page(each), /page_token/, each);
  assert.throws(() => page(token, { said: ['another'] }), /another filter/);
  assert.deepEqual(
    [0, 1, 1000, 5000].map((size) => page('', {}, size).size),
    [100, 1, 1000, 1000],
  );
});
