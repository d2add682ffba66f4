import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExactNumber, roundedNumber } from '../../../src/kernel/exact-number.ts';

test('numbers that a double holds, however they are written', () => {
  const exact = [
    '0',
    '-0',
    '0.0',
    '1.10',
    '1e3',
    '1E+3',
    '0.1',
    '0.000001',
    '123456789012345',
    '9007199254740992',
    '1.7976931348623157e308',
    '5e-324',
    '100000000000000000000000',
    '.5',
    '1.',
  ];
  for (const number of exact) assert.ok(isExactNumber(number), number);
  for (const number of ['9007199254740993', '12345678901234567890', '0.12345678901234567890', '1e309', '-1e999', '1e-400']) {
    assert.ok(!isExactNumber(number), number);
  }
});

test('the first number of a JSON text that would be rounded', () => {
  assert.equal(roundedNumber('{"a": [1, 2.50, "12345678901234567890", "\\"9007199254740993"], "b": 9007199254740993}'), '9007199254740993');
  assert.equal(roundedNumber('{"9007199254740993": "x", "n": -1.5e3}'), undefined);
});
