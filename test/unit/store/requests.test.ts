import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { createKeyedLock } from '../../../src/kernel/keyed-lock.ts';
import { requestMemory } from '../../../src/store/index.ts';
import { openTestStore, scratch } from '../../helpers/event-room.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

test('an answer is given again, also by the next daemon; failures are not remembered', async () => {
  using tmp = scratch();
  let done = 0;
  const work = async (): Promise<Uint8Array> => bytes(`answer ${++done}`);
  const store = await openTestStore({ dir: tmp.dir });
  const memory = requestMemory(store, systemClock);
  await assert.rejects(
    memory.run('k', 'h', () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(text(await memory.run('k', 'h', work)), 'answer 1');
  assert.equal(text(await memory.run('k', 'h', work)), 'answer 1');
  assert.equal(text(await memory.run('other', 'h', work)), 'answer 2');
  await assert.rejects(memory.run('k', 'h2', work), (error) => error instanceof AgentError && error.reason === 'REQUEST_ID_REUSED');
  await store.stop();
  const again = await openTestStore({ dir: tmp.dir });
  assert.equal(text(await requestMemory(again, systemClock).run('k', 'h', work)), 'answer 1');
  assert.equal(done, 2);
  await again.stop();
});

test('concurrent calls of one key are one', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir });
  const memory = requestMemory(store, systemClock);
  let running = 0;
  let done = 0;
  const work = async (): Promise<Uint8Array> => {
    assert.equal(++running, 1);
    await systemClock.sleep(10);
    running--;
    return bytes(String(++done));
  };
  const answers = await Promise.all(Array.from({ length: 20 }, () => memory.run('k', 'h', work)));
  assert.deepEqual([...new Set(answers.map(text))], ['1']);
  await store.stop();
});

test('an answer is forgotten after 24 h, and only then', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir });
  let nowMs = 1e12;
  let done = 0;
  const memory = requestMemory({ ...store, ageing: { nowMs: () => nowMs } }, systemClock);
  const run = async (): Promise<string> => text(await memory.run('k', 'h', async () => bytes(String(++done))));
  assert.equal(await run(), '1');
  nowMs += 24 * 3_600_000;
  assert.equal(await run(), '1');
  nowMs += 1;
  assert.equal(await run(), '2');
  await store.stop();
});

test('the memory is bounded by count and by bytes: the oldest go', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir });
  const remember = (n: number, maxCount: number, maxBytes: number): Promise<void> =>
    store.write('requests', 'remember', {
      key: `k${n}`,
      hash: 'h',
      response: new Uint8Array(100),
      nowMs: 1,
      keptMs: 10,
      maxCount,
      maxBytes,
    });
  const known = async (n: number): Promise<boolean> => (await store.read('requests', 'lookup', { key: `k${n}`, sinceMs: 0 })) !== undefined;
  for (let n = 1; n <= 128; n++) await remember(n, 100, 1e9);
  assert.deepEqual([await known(28), await known(29)], [false, true]);
  for (let n = 129; n <= 192; n++) await remember(n, 1000, 2000);
  assert.deepEqual([await known(172), await known(173)], [false, true]);
  await store.stop();
});

test('a keyed lock runs one key in order, others beside it, and forgets keys', async () => {
  const lock = createKeyedLock();
  const order: string[] = [];
  const step = (name: string, ms: number) => async (): Promise<void> => {
    await systemClock.sleep(ms);
    order.push(name);
    if (name === 'a1') throw new Error('a1');
  };
  await Promise.allSettled([lock.run('a', step('a1', 30)), lock.run('a', step('a2', 1)), lock.run('b', step('b', 1))]);
  assert.deepEqual(order, ['b', 'a1', 'a2']);
  assert.equal(lock.size(), 0);
});
