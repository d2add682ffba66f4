import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndedCall } from '../../../src/telemetry/types.ts';
import { createSampling } from '../../../src/traces/sampling.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

const plain: EndedCall = {
  traceId: 'a',
  name: 's/Do',
  reads: false,
  traced: false,
  background: false,
  stream: false,
  code: 'ok',
  durationMs: 1,
  finished: () => assert.fail('nobody asked for it'),
};

test('while little happens every call is kept, but for polls of health', () => {
  const { worthOfCall } = createSampling(bentClock().clock);
  for (let n = 0; n < 200; n++) assert.equal(worthOfCall(plain), 'usual');
  assert.equal(worthOfCall({ ...plain, background: true }), undefined);
});

test('a flood of good calls leaves failed, slow and traced ones and those with work their share', () => {
  const { clock, advance } = bentClock();
  const { worthOfCall, belongs } = createSampling(clock);
  let kept = 0;
  for (let n = 0; n < 100_000; n++) if (worthOfCall(plain) === 'usual') kept += 1;
  assert.equal(kept, 200);
  belongs('story');
  for (const over of [
    { code: 'internal' },
    { code: 'not_found', background: true },
    { durationMs: 500 },
    { traced: true },
    { traceId: 'story' },
  ]) {
    assert.equal(worthOfCall({ ...plain, ...over }), 'notable', JSON.stringify(over));
  }
  assert.equal(worthOfCall({ ...plain, durationMs: 3_600_000, stream: true }), undefined, 'a stream lasts as long as its client likes');
  assert.equal(worthOfCall({ ...plain, code: 'canceled' }), undefined);
  advance(6000);
  assert.equal(worthOfCall(plain), 'usual', 'later there is room again');
});

test('a flood of failures is bounded too', () => {
  const { worthOfCall } = createSampling(bentClock().clock);
  let kept = 0;
  for (let n = 0; n < 100_000; n++) if (worthOfCall({ ...plain, code: 'internal' }) === 'notable') kept += 1;
  assert.equal(kept, 500);
});

test('traces with work are remembered up to a bound', () => {
  const { worthOfCall, belongs } = createSampling(bentClock().clock);
  for (let n = 0; n < 200; n++) worthOfCall(plain);
  for (let n = 0; n < 5000; n++) belongs(`t${n}`);
  assert.deepEqual([worthOfCall({ ...plain, traceId: 't0' }), worthOfCall({ ...plain, traceId: 't4999' })], [undefined, 'notable']);
});

test('a poll leaves a trace now and then, whatever else is polled; who tries a read finds it', () => {
  const { clock, advance } = bentClock();
  const { worthOfCall } = createSampling(clock);
  const polled = ['s/List', 's/Get', 's/Status'];
  let kept = 0;
  for (let second = 0; second < 86_400; second++) {
    for (const name of polled) if (worthOfCall({ ...plain, name, reads: true }) !== undefined) kept += 1;
    advance(1000);
  }
  assert.ok(kept >= 3 * (60 + 1435) && kept <= 3 * (60 + 1442), String(kept));
  assert.equal(worthOfCall({ ...plain, name: 's/Other', reads: true }), 'usual', 'a read that was not polled has its own share');
  assert.equal(worthOfCall({ ...plain, name: 's/List', reads: true, code: 'internal' }), 'notable');
  assert.equal(worthOfCall({ ...plain, name: 's/List', reads: true, durationMs: 500 }), 'notable');
  assert.equal(worthOfCall(plain), 'usual', 'polls take nothing of what changes something');
});

test('methods with a share of reads are bounded', () => {
  const { worthOfCall } = createSampling(bentClock().clock);
  let kept = 0;
  for (let n = 0; n < 10_000; n++) if (worthOfCall({ ...plain, name: `s/M${n}`, reads: true }) !== undefined) kept += 1;
  assert.equal(kept, 256);
});
