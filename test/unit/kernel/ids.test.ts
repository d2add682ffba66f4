import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { randomToken, ulid, ulidFrom } from '../../../src/kernel/ids.ts';

const shape = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

test('ulids have the shape, carry the time and rise within one millisecond and when the clock goes back', () => {
  const at = Date.now() + 60_000;
  const ids = Array.from({ length: 5_000 }, (_, i) => ulid(at - (i % 3)));
  assert.ok(ids.every((id) => shape.test(id)));
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const ms = [...(ids[0] ?? '').slice(0, 10)].reduce((sum, c) => sum * 32 + digits.indexOf(c), 0);
  assert.equal(ms, at);
});

test('ulidFrom is a function of the first 16 bytes', () => {
  const hash = createHash('sha256').update('x').digest();
  assert.equal(ulidFrom(hash), ulidFrom(new Uint8Array(hash.subarray(0, 16))));
  assert.match(ulidFrom(hash), shape);
  assert.notEqual(ulidFrom(hash), ulidFrom(createHash('sha256').update('y').digest()));
  assert.equal(ulidFrom(new Uint8Array(16)), '0'.repeat(26));
  assert.equal(ulidFrom(new Uint8Array(16).fill(255)), `7${'Z'.repeat(25)}`);
  assert.throws(() => ulidFrom(new Uint8Array(15)), RangeError);
});

test('tokens are 256 bits, prefixed and all different', () => {
  const tokens = Array.from({ length: 100 }, randomToken);
  assert.ok(tokens.every((t) => /^sbx_[A-Za-z0-9_-]{43}$/.test(t)));
  assert.equal(new Set(tokens).size, 100);
});
