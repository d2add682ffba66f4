import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import type { Clock } from '../../../src/kernel/clock.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { readStat } from '../../../src/processes/proc.ts';
import { countDescriptors, createResourceReader } from '../../../src/processes/resources.ts';
import type { Run } from '../../../src/processes/run.ts';
import type { UnitGroup } from '../../../src/processes/unit-group.ts';

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

test('a run is looked at once a second, whoever asks; in its group all of it counts', async () => {
  let nowMs = 10_000;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const child = spawn('sleep', ['300'], { stdio: 'ignore' });
  try {
    const pid = child.pid ?? 0;
    const startTicks = readStat(pid)?.startTicks ?? 0;
    let looks = 0;
    let cpuMicros = 0;
    const group = {
      usage() {
        looks += 1;
        return { cpuMicros, memoryBytes: 123_456 };
      },
    } as Partial<UnitGroup> as UnitGroup;
    const run = {
      pid,
      startedMs: 10_000,
      tree: { marker: '', leader: undefined, program: { pid, startTicks }, group },
    } as Partial<Run> as Run;
    const reader = createResourceReader(clock);
    nowMs = 11_000;
    cpuMicros = 500_000;
    const first = reader.read(run);
    assert.deepEqual([first?.cpuUsageRatio, first?.residentMemoryBytes, first?.threads], [0.5, 123_456, 1]);
    nowMs = 11_900;
    cpuMicros = 10_000_000;
    assert.equal(reader.read(run), first);
    assert.equal(looks, 1);
    nowMs = 13_000;
    cpuMicros = 2_500_000;
    assert.equal(reader.read(run)?.cpuUsageRatio, 1);
    assert.equal(looks, 2);
    const plain = createResourceReader(clock).read({ ...run, tree: { ...run.tree, group: undefined } });
    assert.ok((plain?.residentMemoryBytes ?? 0) > 0, 'without a group it is the program by /proc');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    nowMs = 20_000;
    assert.equal(reader.read(run), undefined);
  } finally {
    child.kill('SIGKILL');
  }
});
