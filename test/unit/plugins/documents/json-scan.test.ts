import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineOf, scanJson } from '../../../../src/plugins/documents/json-scan.ts';

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
    let good = true;
    try {
      JSON.parse(text);
    } catch {
      good = false;
    }
    assert.equal(scanJson(text, 'config') === undefined, good, JSON.stringify(text));
  }
});

test('each text cut anywhere is a fault and never a hang', () => {
  const text = '{"a":[1,{"b":"c\\u0041"}],"d":-1.5e3}';
  for (let i = 0; i < text.length; i++) assert.ok(scanJson(text.slice(0, i), 'config'), text.slice(0, i));
});

test('faults have their line and no part of the text', () => {
  const fault = scanJson('{\n  "password": "hunter2"\n  "b": 1\n}', 'config');
  assert.equal(fault?.line, 3);
  assert.doesNotMatch(fault?.message ?? '', /hunter2/);
  assert.equal(scanJson('{\n"a": 1,\n}', 'config')?.line, 3);
  assert.match(scanJson('[1', 'config')?.message ?? '', /ends too early/);
});

test('places have lines; what is missing has the line of what is around it', () => {
  const text = '{\n  "a": 1,\n  "servers": [\n    {"id": "x"},\n    {\n      "port": 0\n    }\n  ]\n}';
  assert.equal(lineOf(text, 'config', 'config.a'), 2);
  assert.equal(lineOf(text, 'config', 'config.servers[1].port'), 6);
  assert.equal(lineOf(text, 'config', 'config.servers[1].id'), 5);
  assert.equal(lineOf(text, 'config', 'config.server'), 1);
  assert.equal(lineOf(text, 'config', 'config'), 1);
});

test('deep and large texts cost little', () => {
  assert.match(scanJson('['.repeat(1_000_000), 'config')?.message ?? '', /nested/);
  assert.match(scanJson('{"a":'.repeat(1_000_000), 'config')?.message ?? '', /nested/);
  const large = `{${Array.from({ length: 50_000 }, (_, i) => `"key${i}":["${'x'.repeat(20)}"]`).join()}}`;
  const before = performance.now();
  assert.equal(scanJson(large, 'config'), undefined);
  assert.ok(performance.now() - before < 1000);
});
