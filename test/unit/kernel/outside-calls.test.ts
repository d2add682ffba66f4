import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { it } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { outsideCalls } from '../../../src/kernel/outside-calls.ts';

it('what runs for many belongs to no call, wherever it was started', async () => {
  const calls = new AsyncLocalStorage<string>();
  const seen = await calls.run('a call', async () => {
    const direct = outsideCalls(() => calls.getStore());
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const stop = systemClock.every(1, () => resolve(calls.getStore()));
    const ticked = await promise;
    stop();
    return [direct, ticked, calls.getStore()];
  });
  assert.deepEqual(seen, [undefined, undefined, 'a call']);
});
