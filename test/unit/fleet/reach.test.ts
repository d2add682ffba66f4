import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReach } from '../../../src/fleet/reach.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

test('a stretch lasts from its first answer to its last, and ends with an interruption or a gap', () => {
  const { clock, advance } = bentClock();
  const reach = createReach(clock, 10_000);
  assert.equal(reach.forMs(), 0);
  const beat = (afterMs: number): number => {
    advance(afterMs);
    reach.reached();
    return reach.forMs();
  };
  assert.deepEqual([beat(5000), beat(10_000), beat(12_500)], [0, 10_000, 22_500]);
  advance(60_000);
  assert.equal(reach.forMs(), 22_500, 'time alone proves nothing');
  assert.equal(beat(0), 0, 'the machine slept');
  assert.equal(beat(10_000), 10_000);
  reach.interrupted();
  assert.equal(reach.forMs(), 0);
  assert.deepEqual([beat(100), beat(100)], [0, 100]);
});
