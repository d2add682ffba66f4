import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { pipelined } from '../../../../src/api/services/pipeline.ts';

async function* numbers(count: number, read: { at: number }): AsyncGenerator<number> {
  for (let n = 1; n <= count; n += 1) {
    read.at = n;
    yield n;
  }
}

describe('pipelined', () => {
  it('answers in order, with at most `limit` in flight', async () => {
    const read = { at: 0 };
    let inFlight = 0;
    let most = 0;
    const answers: number[] = [];
    const work = async (n: number): Promise<number> => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      for (let turn = 0; turn < (n % 7) * 3; turn += 1) await tick();
      inFlight -= 1;
      return n;
    };
    for await (const n of pipelined(numbers(100, read), { limit: 8, signal: new AbortController().signal }, work)) answers.push(n);
    assert.deepEqual(
      answers,
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    assert.ok(most > 4 && most <= 8, String(most));
  });

  it('reads no further while nothing is answered', async () => {
    const read = { at: 0 };
    const stuck = pipelined(numbers(100, read), { limit: 4, signal: new AbortController().signal }, () => new Promise<number>(() => {}));
    void stuck.next();
    for (let turn = 0; turn < 50; turn += 1) await tick();
    assert.equal(read.at, 4);
  });

  it('answers what is in flight before it fails', async () => {
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new Error('the line broke');
    }
    const answers: number[] = [];
    const run = async (): Promise<void> => {
      const work = async (n: number): Promise<number> => tick(n);
      for await (const n of pipelined(failing(), { limit: 8, signal: new AbortController().signal }, work)) answers.push(n);
    };
    await assert.rejects(run, /the line broke/);
    assert.deepEqual(answers, [1, 2]);
  });

  it('ends with the reason of the signal, though the source stays silent', async () => {
    const controller = new AbortController();
    const silent: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const next = pipelined(silent, { limit: 8, signal: controller.signal }, async (n) => n).next();
    controller.abort(new Error('cut'));
    await assert.rejects(next, /cut/);
  });
});
