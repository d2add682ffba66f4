import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSoon } from '../../../src/alerts/soon.ts';
import { fakeClock } from '../../helpers/alert-room.ts';

test('the first call is at once, a storm is one call a gap, and the last word is never lost', () => {
  const clock = fakeClock();
  let calls = 0;
  const soon = createSoon(() => calls++, 100, clock);
  soon.ask();
  assert.equal(calls, 1);
  for (let n = 0; n < 1000; n++) {
    soon.ask();
    clock.advance(1);
  }
  assert.ok(calls >= 10 && calls <= 12, String(calls));
  const before = calls;
  soon.ask();
  clock.advance(100);
  assert.equal(calls, before + 1);
  soon.ask();
  soon.ask();
  soon.stop();
  soon.ask();
  clock.advance(1000);
  assert.ok(calls <= before + 2);
  assert.equal(clock.timers(), 0);
});
