import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countResult, freshCounts, nextDueMs } from '../../../../src/processes/probes/counts.ts';
import { loopProbe } from '../../../../src/processes/probes/loop.ts';
import type { UnitProbe } from '../../../../src/settings/types.ts';
import { bentClock } from '../../../helpers/bent-clock.ts';

const probe = (over: Partial<UnitProbe> = {}): UnitProbe => ({
  action: { kind: 'engine' },
  initialDelayMs: 0,
  periodMs: 1000,
  timeoutMs: 100,
  successThreshold: 1,
  failureThreshold: 3,
  ...over,
});

/**
 * Runs the real loop on a bent clock. `looks`: what each runOnce answers, `+` or `-`, one a moment that is due; `takesMs`: how long each
 * takes. Answers the moments of the looks, and where it changed to what.
 */
async function run(
  over: Partial<UnitProbe>,
  looks: string,
  { holds = false, takesMs = 0 } = {},
): Promise<{ readonly at: readonly number[]; readonly changes: string }> {
  const { clock, advance } = bentClock();
  const ended = new AbortController();
  const at: number[] = [];
  const changes: string[] = [];
  const loop = loopProbe({
    probe: probe(over),
    counts: freshCounts(holds),
    clock,
    signal: ended.signal,
    async runOnce() {
      const n = at.push(clock.monotonicMs());
      if (takesMs > 0) await clock.sleep(takesMs);
      return { ok: looks[n - 1] === '+', message: '' };
    },
    counted(counts, _, before) {
      if (counts.passing !== before.passing) changes.push(`${counts.passing ? '+' : '-'}${clock.monotonicMs()}`);
      return at.length < looks.length;
    },
  });
  for (let ms = 0; ms < 60_000 && at.length <= looks.length; ms += 100) {
    for (let turn = 0; turn < 12; turn++) {
      advance(0);
      await null;
    }
    if (await Promise.race([loop.then(() => true), Promise.resolve(false)])) break;
    advance(100);
  }
  ended.abort();
  await loop.catch(() => undefined);
  return { at, changes: changes.join(' ') };
}

test('the moments of the looks: initial delay, then each period, without overlap', async () => {
  assert.deepEqual((await run({}, '++++')).at, [0, 1000, 2000, 3000]);
  assert.deepEqual((await run({ initialDelayMs: 2500 }, '+++')).at, [2500, 3500, 4500]);
  assert.deepEqual(
    (await run({}, '+++', { takesMs: 1500 })).at,
    [0, 2000, 4000],
    'a runOnce that takes longer than a period keeps the beat',
  );
});

test('readiness: the moments at which it changes', async () => {
  const table = [
    [{}, '+++', '+0'],
    [{}, '---', ''],
    [{ successThreshold: 3 }, '+++', '+2000'],
    [{ successThreshold: 2 }, '+-+-++', '+5000'],
    [{}, '+---', '+0 -3000'],
    [{}, '+--+--+--', '+0'],
    [{ failureThreshold: 1 }, '+-+-', '+0 -1000 +2000 -3000'],
    [{ failureThreshold: 2, successThreshold: 2 }, '++--++-+--', '+1000 -3000 +5000 -9000'],
  ] as const;
  for (const [over, looks, changes] of table) assert.equal((await run(over, looks)).changes, changes, `${JSON.stringify(over)} ${looks}`);
});

test('liveness holds until its failures in a row are too many', async () => {
  assert.equal((await run({}, '--+--+', { holds: true })).changes, '');
  assert.equal((await run({}, '+---', { holds: true })).changes, '-3000');
  assert.equal((await run({ failureThreshold: 1 }, '-', { holds: true })).changes, '-0');
});

test('counts end at the threshold: a steady state is written down once', () => {
  let counts = freshCounts(false);
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    counts = countResult(probe({ successThreshold: 2 }), counts, true);
    seen.add(JSON.stringify(counts));
  }
  assert.equal(seen.size, 2);
  assert.deepEqual(counts, { passing: true, successes: 2, failures: 0 });
});

test('the next moment keeps the beat', () => {
  assert.equal(nextDueMs(probe(), 1000, 1000), 2000);
  assert.equal(nextDueMs(probe(), 1000, 1999), 2000);
  assert.equal(nextDueMs(probe(), 1000, 2001), 3000);
  assert.equal(nextDueMs(probe(), 1000, 9500), 10_000);
});
