import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveMemoryBack, ownMemory } from '../../../src/app/memory.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

const MIB = 1 << 20;

test('memory is given back after a start and after a flood, in quiet moments and in no other', () => {
  let look = (): void => {};
  const clock = {
    ...systemClock,
    every: (_ms: number, fn: () => void) => {
      look = fn;
      return () => {};
    },
  };
  const at = { busy: 0.5, resident: 160 * MIB, collected: 0 };
  giveMemoryBack({
    clock,
    busy: () => at.busy,
    residentBytes: () => at.resident,
    collect: () => {
      at.collected++;
      at.resident = 130 * MIB;
    },
  });
  const looks = (n: number): number => {
    for (let i = 0; i < n; i++) look();
    return at.collected;
  };
  assert.equal(looks(60), 0, 'not while it works');
  at.busy = 0.02;
  assert.equal(looks(4), 0);
  assert.equal(looks(1), 1, 'after the start');
  at.resident = 140 * MIB;
  assert.equal(looks(60), 1, 'not for little');
  at.resident = 250 * MIB;
  at.busy = 0.9;
  assert.equal(looks(60), 1);
  at.busy = 0;
  assert.equal(looks(60), 2, 'once, after the flood');
});

test('the young generation of this process is shrunk', async () => {
  const { collect, residentBytes, busy } = ownMemory(systemClock);
  const junk = Array.from({ length: 200_000 }, (_, i) => ({ i, text: `t${i}` }));
  assert.ok(junk.length > 0 && (residentBytes() ?? 0) > 0);
  assert.ok(busy() >= 0 && busy() <= 1);
  junk.length = 0;
  const { getHeapSpaceStatistics } = await import('node:v8');
  const young = (): number => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0;
  const before = young();
  collect();
  assert.ok(young() < before, `${young()} of ${before} bytes`);
});
