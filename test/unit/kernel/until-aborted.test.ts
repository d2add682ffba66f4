import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { untilAborted } from '../../../src/kernel/until-aborted.ts';

test('what it waited for leaves nothing on the signal: a long-lived one is waited with a million times', async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 100; i++) assert.equal(await untilAborted(Promise.resolve(i), signal), i);
  await assert.rejects(untilAborted(Promise.reject(new Error('refused')), signal), /refused/);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a signal that fires, or has fired, ends the waiting with its reason', async () => {
  const ending = new AbortController();
  const waiting = untilAborted(new Promise(() => {}), ending.signal);
  ending.abort(new Error('over'));
  await assert.rejects(waiting, /over/);
  await assert.rejects(untilAborted(Promise.reject(new Error('nobody hears of this')), ending.signal), /over/);
});
