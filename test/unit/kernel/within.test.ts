import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { within } from '../../../src/kernel/within.ts';

test('says whether it was settled in time, well or badly, and leaves no timer', async () => {
  let timers = 0;
  const clock: Pick<Clock, 'sleep'> = {
    async sleep(ms, signal) {
      timers++;
      await systemClock.sleep(ms, signal).finally(() => timers--);
    },
  };
  assert.equal(await within(clock, 1000, Promise.resolve()), true);
  assert.equal(await within(clock, 1000, Promise.reject(new Error('bad'))), true);
  assert.equal(await within(clock, 20, new Promise(() => {})), false);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(timers, 0);
});
