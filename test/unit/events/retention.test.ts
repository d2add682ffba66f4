import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompactArgs, CompactResult } from '../../../src/events/journal-procedures.ts';
import { createSweeper } from '../../../src/events/retention.ts';
import type { JournalStats } from '../../../src/events/types.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { quietLogger } from '../../helpers/log-room.ts';

test('the store is asked only when something is over', async (t) => {
  const { clock, advance } = bentClock();
  const asked: CompactArgs[] = [];
  let [count, oldestAgeMs] = [3, 500];
  const compact = async (args: CompactArgs): Promise<CompactResult> => {
    asked.push(args);
    return { removed: 0, removedBytes: 0, first: 1, last: 3, oldestAgeMs, more: false };
  };
  const sweeper = createSweeper({
    ...{ clock, compact, logger: quietLogger(), removed: () => undefined, ageMs: clock.monotonicMs },
    retention: { ageMs: 10_000, bytes: 1000, count: 3 },
    stats: () => ({ count, bytes: 10 }) as Partial<JournalStats> as JournalStats,
  });
  t.after(() => sweeper.stop());
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      advance(1000);
      await sweeper.sweep();
    }
  };
  await pass(10);
  assert.equal(asked.length, 1, 'once, to know how old the oldest is');
  await pass(1);
  assert.equal(asked.length, 2, 'the oldest is over its age');
  oldestAgeMs = 900_000;
  await pass(10);
  const before = asked.length;
  await pass(10);
  assert.equal(asked.length, before);
  count = 4;
  await pass(1);
  assert.equal(asked.length, before + 1, 'one is over the number');
  sweeper.setRetention({ ageMs: 10_000, bytes: 5, count: 10 });
  await pass(1);
  assert.equal(asked.length, before + 2, 'bytes are over what was set just now');
});
