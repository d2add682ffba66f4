import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, type Ladder, nextStep } from '../../../src/plugins/ladder.ts';

const ladder: Ladder = { steps: ['restart', 'push_config', 'disable'], budget: 4, windowMs: 10_000, backoffMs: 1000 };

test('from the bottom to the top and again, until the budget is spent', () => {
  const taken: string[] = [];
  let attemptsAtMs: readonly number[] = [];
  for (let rung = 0; rung < 6; rung++) {
    const next = nextStep(ladder, { attemptsAtMs, rung }, rung * 100);
    taken.push(next.kind === 'step' ? `${next.step} ${next.attempt}` : next.kind);
    if (next.kind === 'step') attemptsAtMs = next.attemptsAtMs;
  }
  assert.deepEqual(taken, ['restart 1', 'push_config 2', 'disable 3', 'restart 4', 'give-up', 'give-up']);
});

test('what left the window is spent no longer', () => {
  const next = nextStep(ladder, { attemptsAtMs: [0, 1, 2, 9000], rung: 0 }, 10_500);
  assert.equal(next.kind === 'step' && next.attempt, 2);
  assert.deepEqual(next.kind === 'step' && next.attemptsAtMs, [9000, 10_500]);
});

test('a ladder without steps gives up at once', () => {
  assert.equal(nextStep({ ...ladder, steps: [] }, { attemptsAtMs: [], rung: 0 }, 0).kind, 'give-up');
});

test('the first step is taken at once, the wait doubles up to a minute', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 20].map((attempts) => backoffMs(ladder, attempts)),
    [0, 1000, 2000, 4000, 8000, 60_000],
  );
});
