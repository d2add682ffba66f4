import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRestart, noHistory, type RestartSpec, withRun, withStart } from '../../../src/processes/restart-policy.ts';

const spec: RestartSpec = {
  policy: 'always',
  baseMs: 1000,
  factor: 2,
  maxMs: 60_000,
  jitter: 0.1,
  burst: 5,
  windowMs: 60_000,
  stableAfterMs: 30_000,
};
const failed = { success: false, upMs: 10 };
const now = { nowMs: 100_000, random: 0 };

test('who is started again', () => {
  const table = [
    ['no', false, 'rest'],
    ['no', true, 'rest'],
    ['on-failure', false, 'restart'],
    ['on-failure', true, 'rest'],
    ['always', false, 'restart'],
    ['always', true, 'restart'],
  ] as const;
  for (const [policy, success, kind] of table) {
    const outcome = { success, upMs: 10 };
    assert.equal(decideRestart({ ...spec, policy }, noHistory, { outcome, ...now }).kind, kind, `${policy} ${success}`);
  }
});

test('the delay grows by the factor up to max, and is lengthened by up to jitter', () => {
  const table = [
    [0, 0, 1000],
    [0, 1, 1100],
    [1, 0, 2000],
    [1, 0.5, 2100],
    [5, 0, 32_000],
    [6, 0, 60_000],
    [6, 1, 66_000],
    [2000, 0, 60_000],
  ] as const;
  for (const [attempts, random, delayMs] of table) {
    const decision = decideRestart(spec, { starts: [], attempts }, { outcome: failed, nowMs: 0, random });
    assert.deepEqual(decision, { kind: 'restart', delayMs, attempts: attempts + 1 });
  }
  assert.equal((decideRestart({ ...spec, baseMs: 0 }, noHistory, { outcome: failed, ...now }) as { delayMs: number }).delayMs, 0);
});

test('burst starts within the window are the last ones', () => {
  let history = noHistory;
  for (let start = 1; start <= 5; start++) {
    history = withStart(spec, history, 1000 * start);
    const decision = decideRestart(spec, history, { outcome: failed, nowMs: 1000 * start + 10, random: 0 });
    assert.equal(decision.kind, start < 5 ? 'restart' : 'crash-loop', `start ${start}`);
  }
  const later = { outcome: failed, nowMs: 61_001, random: 0 };
  assert.equal(decideRestart(spec, history, later).kind, 'restart', 'the first one fell out of the window');
  assert.equal(withStart(spec, history, 6000).starts.length, 5, 'and no more are remembered');
});

test('a stable run wipes out what was before', () => {
  const history = { starts: [1, 2, 3, 4, 5], attempts: 7 };
  assert.equal(withRun(spec, history, 29_999), history);
  assert.equal(withRun(spec, history, 30_000), noHistory);
  const outcome = { success: false, upMs: 30_000 };
  assert.deepEqual(decideRestart(spec, history, { outcome, nowMs: 30_010, random: 0 }), { kind: 'restart', delayMs: 1000, attempts: 1 });
});

test('the delay is a number, whatever is multiplied', () => {
  for (const baseMs of [0, 1, 86_400_000]) {
    for (const factor of [1, 2, 100]) {
      for (const attempts of [0, 1, 63, 1023, 1024, 1e6, Number.MAX_SAFE_INTEGER]) {
        for (const maxMs of [0, 60_000, 86_400_000]) {
          const decision = decideRestart(
            { ...spec, baseMs, factor, maxMs, jitter: 10 },
            { starts: [], attempts },
            { outcome: failed, nowMs: 0, random: 1 },
          );
          const delayMs = decision.kind === 'restart' ? decision.delayMs : Number.NaN;
          assert.ok(
            Number.isSafeInteger(delayMs) && delayMs >= 0 && delayMs <= maxMs * 11,
            `${baseMs} × ${factor} ** ${attempts}: ${delayMs}`,
          );
          if (baseMs === 0) assert.equal(delayMs, 0);
        }
      }
    }
  }
});
