import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject } from '../../../src/kernel/is-object.ts';

test('an object of JSON is neither null, nor a list, nor a scalar', () => {
  const values: readonly unknown[] = [{}, { a: 1 }, Object.create(null), null, undefined, [], 'x', 1, true];
  assert.deepEqual(values.map(isObject), [true, true, true, false, false, false, false, false, false]);
});
