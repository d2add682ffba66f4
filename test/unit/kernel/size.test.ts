import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSize, parseSize } from '../../../src/kernel/size.ts';

const good: readonly (readonly [string, number, string])[] = [
  ['0', 0, '0B'],
  ['1000', 1_000, '1000B'],
  ['512B', 512, '512B'],
  ['64KiB', 65_536, '64KiB'],
  ['65536', 65_536, '64KiB'],
  ['1MiB', 1_048_576, '1MiB'],
  ['1.5MiB', 1_572_864, '1536KiB'],
  ['1 GiB', 1_073_741_824, '1GiB'],
  ['2TiB', 2_199_023_255_552, '2TiB'],
  ['10kB', 10_000, '10000B'],
  ['10MB', 10_000_000, '10000000B'],
];

for (const [text, bytes, canonical] of good) {
  test(`size ${text}`, () => {
    assert.equal(parseSize(text), bytes);
    assert.equal(formatSize(bytes), canonical);
    assert.equal(parseSize(canonical), bytes);
  });
}

for (const text of ['', 'lots', '-1', '1M', '1k', '1mib', '1  MiB', 'MiB', '1e6', '1MiBs', '9'.repeat(20), '1constructor', '1toString']) {
  test(`no size: ${JSON.stringify(text)}`, () => assert.equal(parseSize(text), undefined));
}
