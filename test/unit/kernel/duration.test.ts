import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../../src/kernel/duration.ts';

const good: readonly (readonly [string, number, string])[] = [
  ['500ms', 500, '500ms'],
  ['0s', 0, '0s'],
  ['30s', 30_000, '30s'],
  ['1.5s', 1_500, '1s500ms'],
  ['1500ms', 1_500, '1s500ms'],
  ['5m', 300_000, '5m'],
  ['1m30s', 90_000, '1m30s'],
  ['90s', 90_000, '1m30s'],
  ['2h', 7_200_000, '2h'],
  ['7d', 604_800_000, '7d'],
  ['1w', 604_800_000, '7d'],
  ['1w2d3h4m5s6ms', 788_645_006, '9d3h4m5s6ms'],
];

for (const [text, ms, canonical] of good) {
  test(`duration ${text}`, () => {
    assert.equal(parseDuration(text), ms);
    assert.equal(formatDuration(ms), canonical);
    assert.equal(parseDuration(canonical), ms);
  });
}

for (const text of [
  '',
  '5',
  '5 parsecs',
  '5 s',
  '-5s',
  '+5s',
  '5S',
  's',
  '1s1s',
  '30s1m',
  '1m 30s',
  '1e3s',
  '.5s',
  '5.s',
  `${'9'.repeat(20)}w`,
  '5mss',
]) {
  test(`no duration: ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
}
