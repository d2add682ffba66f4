import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JsonDialect, type JsonVisit, lineOf, readJson, type TextFault, TextFaultError } from '../../../src/documents/read-json.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const strict = { maxDepth: 64, exactNumbers: true };

function faultOf(text: string, dialect: JsonDialect): TextFault | undefined {
  try {
    readJson(text, dialect);
    return undefined;
  } catch (error) {
    if (error instanceof TextFaultError) return error.fault;
    throw error;
  }
}

const texts = [
  '{}',
  '[]',
  ' { "a" : [ 1 , -2.5e+10 , true , null , "x\\u00e4\\n" ] } ',
  '"text"',
  '0',
  '-0.0',
  '{"a":{"b":[{"c":[]}]}}',
  '[[],{},[[]]]',
  '',
  '   ',
  '{',
  '[1,',
  '[1,]',
  '{"a":1,}',
  '{"a" 1}',
  '{a:1}',
  "{'a':1}",
  '{"a":01}',
  '{"a":+1}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":1e}',
  '{"a":tru}',
  '{"a":truex}',
  '{"a":NaN}',
  '{"a":"x}',
  '{"a":"x\ty"}',
  '{"a":"\\x"}',
  '{"a":"\\u12"}',
  '{"a":1}}',
  '{"a":1} x',
  '[1 2]',
  '[1}',
  '{"a":1]',
  '{"a":1 // note\n}',
  '\ufeff{}',
  '{"a":\u00a01}',
  ',',
  '{,}',
  '{"a"}',
  '{"a":}',
];

test('it takes what JSON.parse takes, and nothing else', () => {
  for (const text of texts) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      assert.ok(faultOf(text, strict), JSON.stringify(text));
      continue;
    }
    assert.equal(JSON.stringify(readJson(text, strict)), JSON.stringify(value));
  }
});

test('each text cut anywhere is a fault and never a hang', () => {
  const text = '{"a":[1,{"b":"c\\u0041"}],"d":-1.5e3}';
  for (let i = 0; i < text.length; i++) assert.ok(faultOf(text.slice(0, i), strict), text.slice(0, i));
});

test('faults have their line and no part of the text', () => {
  const fault = faultOf('{\n  "password": "hunter2"\n  "b": 1\n}', strict);
  assert.equal(fault?.line, 3);
  assert.doesNotMatch(fault?.message ?? '', /hunter2/);
  assert.equal(faultOf('{\n"a": 1,\n}', strict)?.line, 3);
  assert.match(faultOf('[1', strict)?.message ?? '', /ends too early/);
});

test('places have lines; what is missing has the line of what is around it', () => {
  const text = '{\n  "a": 1,\n  "servers": [\n    {"id": "x"},\n    {\n      "port": 0\n    }\n  ]\n}';
  assert.equal(lineOf(text, 'a', strict), 2);
  assert.equal(lineOf(text, 'servers[1].port', strict), 6);
  assert.equal(lineOf(text, 'servers[1].id', strict), 5);
  assert.equal(lineOf(text, 'server', strict), 1);
  assert.equal(lineOf(text, '', strict), 1);
});

test('deep and large texts cost little', () => {
  assert.match(faultOf('['.repeat(1_000_000), strict)?.message ?? '', /nested/);
  assert.match(faultOf('{"a":'.repeat(1_000_000), strict)?.message ?? '', /nested/);
  const large = `{${Array.from({ length: 50_000 }, (_, i) => `"key${i}":["${'x'.repeat(20)}"]`).join()}}`;
  const spent = startCpuTime();
  assert.equal(faultOf(large, strict), undefined);
  assert.ok(spent() < 1000);
});

test('comments and trailing commas, where they are taken', () => {
  const text = '// first\n{\n  "a": [1, /* two */ 2,], # three\n  "b": {"c": "// no comment",},\n}\n';
  const places: string[] = [];
  const relaxed = {
    ...strict,
    relaxed: true,
    visit: ({ keys, start, end }: JsonVisit) => void places.push(`${keys.join('/')} ${text.slice(start, end)}`),
  };
  assert.equal(faultOf(text, relaxed), undefined);
  assert.deepEqual(places, [' ', 'a ', 'a/0 1', 'a/1 2', 'b ', 'b/c "// no comment"']);
  assert.equal(faultOf(text, strict)?.line, 1);
  assert.match(faultOf('{"a": 1,,}', relaxed)?.message ?? '', /double quotes/);
  assert.match(faultOf('{"a": 1 /* never', relaxed)?.message ?? '', /ends too early/);
});

test('a number that would be rounded is a fault where it is asked for', () => {
  assert.equal(faultOf('{"n": 1e400}', { maxDepth: 64 }), undefined);
  for (const number of ['12345678901234567890', '1e400', '-0.12345678901234567890', '9007199254740993']) {
    const fault = faultOf(`{\n"n": ${number}}`, strict);
    assert.deepEqual([fault?.line, /rounded/.test(fault?.message ?? '')], [2, true], number);
  }
  for (const number of [
    '0',
    '-0.0',
    '1.10',
    '0.1',
    '1e3',
    '100000000000000000000',
    '1.7976931348623157e308',
    '9007199254740992',
    '0.30000000000000004',
  ]) {
    assert.equal(faultOf(`{"n": ${number}}`, strict), undefined, number);
  }
});
