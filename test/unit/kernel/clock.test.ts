import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';

const dayMs = 86_400_000;

test('a wait of months is no wait of a millisecond, and ends when it is over', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let fired = 0;
    systemClock.after(60 * dayMs, () => (fired += 1));
    const cancel = systemClock.after(60 * dayMs, () => assert.fail('it was called off'));
    let slept = false;
    const sleeping = systemClock.sleep(60 * dayMs).then(() => (slept = true));
    const ended = systemClock.sleep(60 * dayMs, AbortSignal.abort(new Error('left')));
    await assert.rejects(ended, /left/);
    for (let day = 0; day < 59; day++) mock.timers.tick(dayMs);
    cancel();
    assert.deepEqual([fired, slept], [0, false]);
    // The mock counts what is started within a tick from the end of that tick.
    mock.timers.tick(2 * dayMs);
    await sleeping;
    assert.equal(fired, 1);
  } finally {
    mock.timers.reset();
  }
});
