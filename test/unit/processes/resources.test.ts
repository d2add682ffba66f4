import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import type { Clock } from '../../../src/kernel/clock.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { readStat } from '../../../src/processes/proc.ts';
import { createResourceReader } from '../../../src/processes/resources.ts';
import type { Run } from '../../../src/processes/run.ts';
import type { UnitGroup } from '../../../src/processes/unit-group.ts';
import { countDescriptors } from '../../../src/processes/usage.ts';

test('the number of descriptors is told without listing them', () => {
  const before = countDescriptors(process.pid);
  const opened = Array.from({ length: 500 }, () => openSync('/dev/null', 'r'));
  try {
    assert.equal(countDescriptors(process.pid), before + 500);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
  assert.equal(countDescriptors(0), 0);
});

test('callers are given the look of this second, metrics the sample of this interval, and neither shortens the span of the other', async () => {
  let nowMs = 10_000;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  // It says when its program runs: before, the process is a copy of this one, and the kernel, which counts pages by core, may say 0 of a small one.
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9); console.log()'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const pid = child.pid ?? 0;
    await once(child.stdout, 'data');
    const startTicks = readStat(pid)?.startTicks ?? 0;
    let looks = 0;
    // What the group has counted before this run is not the run's.
    let cpuMicros = 90_000_000;
    const group = {
      cpuMicros() {
        looks += 1;
        return cpuMicros;
      },
      members: () => [pid],
    } as Partial<UnitGroup> as UnitGroup;
    const run = {
      pid,
      startedMs: 10_000,
      tree: { marker: '', leader: undefined, program: { pid, startTicks }, group },
    } as Partial<Run> as Run;
    const reader = createResourceReader(clock);
    nowMs = 11_000;
    const first = reader.read(run);
    assert.ok(
      (first?.cpuUsageRatio ?? 9) < 0.5 && (first?.threads ?? 0) > 1 && (first?.residentMemoryBytes ?? 0) > 0,
      JSON.stringify(first),
    );
    assert.equal(reader.sampled(run)?.cpuUsageRatio, first?.cpuUsageRatio);
    assert.equal(looks, 2);
    nowMs = 11_900;
    cpuMicros += 1_000_000;
    assert.equal(reader.read(run), first);
    assert.equal(looks, 2);
    nowMs = 13_000;
    assert.equal(reader.read(run)?.cpuUsageRatio, 0.5);
    assert.notEqual(reader.sampled(run)?.cpuUsageRatio, 0.5, 'the interval is not over');
    cpuMicros += 2_000_000;
    nowMs = 21_000;
    reader.sample(run);
    for (let i = 0; i < 3; i++) assert.equal(reader.sampled(run)?.cpuUsageRatio, 0.3);
    assert.equal(reader.newest(run)?.cpuUsageRatio, 0.3);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    nowMs = 40_000;
    assert.equal(reader.read(run), undefined);
    assert.equal(reader.newest(run)?.cpuUsageRatio, 0.3, 'what it held last is known after its end');
  } finally {
    child.kill('SIGKILL');
  }
});
