import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndedCall } from '../../../src/telemetry/types.ts';
import { createSampling } from '../../../src/traces/sampling.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

const plain: EndedCall = {
  traceId: 'a',
  traced: false,
  background: false,
  stream: false,
  code: 'ok',
  durationMs: 1,
  finished: () => assert.fail('nobody asked for it'),
};

test('while little happens every call is kept, but for polls of health', () => {
  const { wantsCall } = createSampling(bentClock().clock);
  for (let n = 0; n < 200; n++) assert.equal(wantsCall(plain), true);
  assert.equal(wantsCall({ ...plain, background: true }), false);
});

test('a flood of good calls leaves failed, slow and traced ones and those with work their share', () => {
  const { clock, advance } = bentClock();
  const { wantsCall, belongs } = createSampling(clock);
  let kept = 0;
  for (let n = 0; n < 100_000; n++) if (wantsCall(plain)) kept += 1;
  assert.equal(kept, 200);
  belongs('story');
  for (const over of [
    { code: 'internal' },
    { code: 'not_found', background: true },
    { durationMs: 500 },
    { traced: true },
    { traceId: 'story' },
  ]) {
    assert.equal(wantsCall({ ...plain, ...over }), true, JSON.stringify(over));
  }
  assert.equal(wantsCall({ ...plain, durationMs: 3_600_000, stream: true }), false, 'a stream lasts as long as its client likes');
  assert.equal(wantsCall({ ...plain, code: 'canceled' }), false);
  advance(6000);
  assert.equal(wantsCall(plain), true, 'later there is room again');
});

test('a flood of failures is bounded too', () => {
  const { wantsCall } = createSampling(bentClock().clock);
  let kept = 0;
  for (let n = 0; n < 100_000; n++) if (wantsCall({ ...plain, code: 'internal' })) kept += 1;
  assert.equal(kept, 500);
});

test('traces with work are remembered up to a bound', () => {
  const { wantsCall, belongs } = createSampling(bentClock().clock);
  for (let n = 0; n < 200; n++) wantsCall(plain);
  for (let n = 0; n < 5000; n++) belongs(`t${n}`);
  assert.deepEqual([wantsCall({ ...plain, traceId: 't0' }), wantsCall({ ...plain, traceId: 't4999' })], [false, true]);
});
