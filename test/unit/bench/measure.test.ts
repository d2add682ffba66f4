import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fieldCounts } from '../../../bench/clients/skim.ts';
import { compare, cpuUs, pump, repeat, spread } from '../../../bench/measure.ts';
import { WatchEventsResponse } from '../../../gen/ts/sboxagent/v1/event_service.ts';

test('the median of an even number of values lies between the two in the middle', () => {
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(spread([9, 1, 5]), { median: 5, min: 1, max: 9 });
});

test('a pump counts every call, also those that end while others wait', async () => {
  let made = 0;
  const call = async (): Promise<number> => {
    made += 1;
    await sleep(1);
    return 1;
  };
  const { count, value } = await pump({ concurrency: 16, forMs: 30, call });
  assert.equal(count, made);
  assert.ok(count >= 16 && value > 0);
});

test('a pump ends with the first failure', async () => {
  const call = () => Promise.reject(new Error('refused'));
  await assert.rejects(pump({ concurrency: 2, forMs: 1000, call }), /refused/);
});

test('CPU time is that of the process', () => {
  const before = cpuUs(process.pid);
  const begun = process.cpuUsage();
  // As long as this process has computed, not as long as time passes: others may have the core meanwhile.
  while (process.cpuUsage(begun).user + process.cpuUsage(begun).system < 60_000);
  assert.ok(cpuUs(process.pid) - before >= 20_000);
});

test('sides take turns, warm-up rounds do not count, and the ratio is that of the medians', async () => {
  const order: string[] = [];
  const contender = (name: string, value: number) => ({
    name,
    pid: process.pid,
    round: async () => {
      order.push(name);
      return repeat(2, async () => value);
    },
  });
  const described = { title: 't', unit: 'ms', per: 'call', load: '' };
  const result = await compare({ ...described, ours: contender('a', 6), peer: contender('b', 2) }, 2);
  assert.equal(result.ratio, 3);
  assert.deepEqual(order, ['a', 'b', 'a', 'b', 'b', 'a']);
});

test('fields are counted without decoding what is in them', () => {
  const message = WatchEventsResponse.create({ events: [{ id: 'a' }, { id: 'b' }], revision: '7' });
  const counts = fieldCounts(WatchEventsResponse.encode(message).finish());
  assert.deepEqual([counts.get(1), counts.get(3), counts.get(4)], [2, undefined, 1]);
});
