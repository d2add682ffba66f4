import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observeSystem } from '../../../src/telemetry/system.ts';
import type { Metrics, Sample } from '../../../src/telemetry/types.ts';
import { until } from '../../fixtures/processes/rig.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

/** What is observed after two samples that are ten seconds apart; `usedMicros` is what the container has used by the second. */
async function observed(files: Readonly<Record<string, string>>, usedMicros: number): Promise<(name: string) => number | undefined> {
  const bent = bentClock(1_000_000);
  const functions = new Map<string, () => readonly Sample[]>();
  const metrics = {
    observe: (name: string, _: unknown, fn: () => readonly Sample[]) => void functions.set(name, fn),
  } as unknown as Metrics;
  let cpuStat = 'usage_usec 0\n';
  let machine = 'cpu 0 0 0 1000 0 0 0 0\n';
  const all = (): Readonly<Record<string, string>> => ({
    '/proc/stat': machine,
    '/proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 400 kB\n',
    '/sys/fs/cgroup/cpu.stat': cpuStat,
    ...files,
  });
  const read = async (path: string): Promise<string> => all()[path] ?? Promise.reject(new Error('ENOENT'));
  const value = (name: string): number | undefined => functions.get(`sboxagent_system_${name}`)?.()[0]?.value;
  const stop = observeSystem({ metrics, clock: bent.clock, diskPath: '/', intervalMs: 10_000, read });
  assert.ok(await until(() => value('memory_total_bytes') !== undefined));
  cpuStat = `usage_usec ${usedMicros}\n`;
  machine = 'cpu 500 0 0 1500 0 0 0 0\n';
  bent.advance(10_000);
  assert.ok(await until(() => value('cpu_usage_ratio') === 0.5), String(value('cpu_usage_ratio')));
  stop();
  return value;
}

const limited = {
  '/sys/fs/cgroup/memory.max': '512000\n',
  '/sys/fs/cgroup/memory.current': '300000\n',
  '/sys/fs/cgroup/memory.stat': 'anon 1\ninactive_file 100000\n',
  '/sys/fs/cgroup/cpu.max': '50000 100000\n',
};

// 2.5 s of the 5 s that half a CPU has in ten.
test('in a container with limits, its own memory and CPU count', async () => {
  const value = await observed(limited, 2_500_000);
  assert.deepEqual([value('memory_used_bytes'), value('memory_total_bytes')], [200_000, 512_000]);
});

test('without limits, or with some above what the machine has, the machine counts', async () => {
  const unlimited = { ...limited, '/sys/fs/cgroup/memory.max': 'max\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' };
  for (const files of [unlimited, {}, { ...unlimited, '/sys/fs/cgroup/memory.max': '99999999\n' }]) {
    const value = await observed(files, 2_500_000);
    assert.deepEqual([value('memory_used_bytes'), value('memory_total_bytes')], [600 * 1024, 1000 * 1024]);
  }
});
