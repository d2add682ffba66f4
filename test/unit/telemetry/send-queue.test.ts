import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { createSendQueue, type Sent } from '../../../src/telemetry/send-queue.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

interface Limits {
  readonly most?: number;
  readonly mostBytes?: number;
  readonly batch?: number;
}

/** A queue before a collector that answers as `answers` says; items weigh 1. */
function rig({ most = 2048, mostBytes = Number.POSITIVE_INFINITY, batch = 128 }: Limits = {}) {
  const { clock, advance } = bentClock();
  const sent: { readonly atMs: number; readonly items: readonly number[] }[] = [];
  const it = {
    answer: (): Promise<Sent> | Sent => ({ kind: 'taken' }),
    dropped: 0,
    underWay: 0,
    mostUnderWay: 0,
  };
  const queue = createSendQueue<number>({
    ...{ clock, most, mostBytes, batch, delayMs: 1000, weigh: () => 1 },
    async send(items) {
      sent.push({ atMs: clock.monotonicMs(), items: [...items] });
      it.underWay += 1;
      it.mostUnderWay = Math.max(it.mostUnderWay, it.underWay);
      const answer = await it.answer();
      it.underWay -= 1;
      return answer;
    },
    dropped(count) {
      it.dropped += count;
    },
  });
  let next = 0;
  return Object.assign(it, {
    queue,
    sent,
    push(count: number): void {
      for (let n = 0; n < count; n++) queue.push(next++);
    },
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 5) {
        advance(5);
        await turnOfTheLoop();
      }
    },
    sizes: () => sent.map(({ items }) => items.length),
  });
}

test('few wait for others; what has gathered leaves in batches, with pauses in which calls are served', async () => {
  const at = rig();
  at.push(3);
  await at.pass(995);
  assert.deepEqual(at.sizes(), []);
  await at.pass(5);
  assert.deepEqual(at.sizes(), [3]);
  at.push(1000);
  await at.pass(90);
  assert.deepEqual(at.sizes(), [3, 128, 128, 128, 128, 128, 128, 128]);
  assert.deepEqual(
    at.sent.slice(1).map(({ atMs }) => atMs - (at.sent[1]?.atMs ?? 0)),
    [0, 10, 20, 30, 40, 50, 60],
  );
  await at.pass(1000);
  assert.deepEqual(at.sizes().slice(8), [104]);
  assert.deepEqual(
    at.sent.flatMap(({ items }) => items),
    Array.from({ length: 1003 }, (_, n) => n),
  );
  assert.equal(at.dropped, 0);
});

test('a collector that is not there is tried again ever more seldom; what it missed comes in order, the newest is what was lost', async () => {
  const at = rig({ most: 300 });
  at.answer = () => ({ kind: 'unreachable' });
  for (let n = 0; n < 60; n++) {
    at.push(10);
    await at.pass(1000);
  }
  const gaps = at.sent.slice(1).map(({ atMs }, n) => Math.round((atMs - (at.sent[n]?.atMs ?? 0)) / 1000));
  assert.deepEqual(gaps.slice(0, 5), [1, 2, 4, 8, 10]);
  assert.ok(gaps.slice(5).every((seconds) => seconds === 10));
  assert.ok(at.sent.every(({ items }) => items.length <= 128 && items[0] === 0));
  assert.equal(at.dropped, 300);
  at.answer = () => ({ kind: 'taken' });
  await at.pass(12_000);
  assert.deepEqual(
    [...new Set(at.sent.flatMap(({ items }) => items))],
    Array.from({ length: 300 }, (_, n) => n),
  );
});

test('what may have been taken, and what is refused, is not sent again', async () => {
  for (const [kind, gap] of [
    ['late', 1000],
    ['refused', 10],
  ] as const) {
    const at = rig();
    at.answer = () => ({ kind });
    at.push(256);
    await at.pass(2000);
    assert.deepEqual(at.sizes(), [128, 128], kind);
    assert.equal((at.sent[1]?.atMs ?? 0) - (at.sent[0]?.atMs ?? 0), gap, kind);
    assert.equal(at.dropped, 256, kind);
  }
});

test('one export at a time, however many wait', async () => {
  const at = rig();
  const answers: ((sent: Sent) => void)[] = [];
  at.answer = () => new Promise((resolve) => void answers.push(resolve));
  at.push(2048 + 128);
  await at.pass(10);
  assert.deepEqual(at.sizes(), [128]);
  at.push(1000);
  assert.equal(at.dropped, 128 + 1000 - 128);
  await at.pass(2000);
  answers.shift()?.({ kind: 'taken' });
  await at.pass(2000);
  assert.deepEqual(at.sizes(), [128, 128]);
  assert.equal(at.mostUnderWay, 1);
});

test('bytes are bounded too, also by what comes back', async () => {
  const at = rig({ mostBytes: 200 });
  const answers: ((sent: Sent) => void)[] = [];
  at.answer = () => new Promise((resolve) => void answers.push(resolve));
  at.push(128);
  await at.pass(10);
  at.push(250);
  assert.equal(at.dropped, 50);
  answers.shift()?.({ kind: 'unreachable' });
  await at.pass(10);
  assert.equal(at.dropped, 50 + 128);
  at.push(1);
  assert.equal(at.dropped, 50 + 128 + 1);
});

test('a stop sends what waits, one after the other, without pauses; the first failure ends it', async () => {
  for (const fails of [false, true]) {
    const at = rig();
    at.push(300);
    const error = new Error('no');
    at.answer = () => (fails && at.sent.length === 2 ? { kind: 'unreachable', error } : { kind: 'taken' });
    assert.equal(await at.queue.stop(), fails ? error : undefined);
    assert.deepEqual(at.sizes(), fails ? [128, 128] : [128, 128, 44]);
    assert.equal(at.dropped, fails ? 172 : 0);
    at.push(1);
    assert.equal(await at.queue.stop(), fails ? error : undefined);
    assert.equal(at.dropped, fails ? 173 : 1, 'nothing more is taken');
  }
});
