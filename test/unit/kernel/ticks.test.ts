import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createTicks, tickMs } from '../../../src/kernel/ticks.ts';

function interval(ms: number, fn: () => void): () => void {
  const timer = setInterval(fn, ms);
  return () => clearInterval(timer);
}

test('jobs of many intervals run on the ticks of one timer', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  let now = 0;
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += tickMs) {
      now += tickMs;
      mock.timers.tick(tickMs);
    }
  };
  const ticks = createTicks(() => now, interval);
  const counts = { quarter: 0, second: 0, odd: 0 };
  const stops = [
    ticks.add(250, () => (counts.quarter += 1)),
    ticks.add(1000, () => (counts.second += 1)),
    ticks.add(1300, () => (counts.odd += 1)),
  ];
  pass(13_000);
  assert.deepEqual(counts, { quarter: 52, second: 13, odd: 10 });

  now += 60_000;
  pass(250);
  assert.deepEqual(counts, { quarter: 53, second: 14, odd: 11 }, 'what was missed is not made up for');
  pass(1300);
  assert.equal(counts.odd, 12);

  for (const stop of stops) stop();
  pass(5000);
  assert.equal(counts.quarter, 59);
});

test('a job that throws does not keep the others from running', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const thrown: unknown[] = [];
  t.mock.method(globalThis, 'queueMicrotask', (fn: () => void) => {
    try {
      fn();
    } catch (error) {
      thrown.push(error);
    }
  });
  let now = 0;
  const ticks = createTicks(() => now, interval);
  let ran = 0;
  const stops = [
    ticks.add(250, () => {
      throw new Error('of its own');
    }),
    ticks.add(250, () => (ran += 1)),
  ];
  now += 250;
  mock.timers.tick(250);
  assert.equal(ran, 1);
  assert.match(String(thrown[0]), /of its own/);
  for (const stop of stops) stop();
});
