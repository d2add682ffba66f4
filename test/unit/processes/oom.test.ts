import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { endOf, reasonOf } from '../../../src/processes/ended.ts';
import { createOomWatch } from '../../../src/processes/oom.ts';
import type { ResourceReader } from '../../../src/processes/resources.ts';
import type { Run } from '../../../src/processes/run.ts';

test('a program that the kernel killed for want of memory is told from other kills', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-oom-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const files = { counts: join(dir, 'vmstat'), log: join(dir, 'kmsg') };
  const kills = (count: number): void => writeFileSync(files.counts, `nr_free_pages 1\noom_kill ${count}\nswap_ra 0\n`);
  kills(3);
  writeFileSync(files.log, '3,1,1,-;Out of memory: Killed process 4711 (edge) total-vm:1kB\n');
  const watch = createOomWatch(files);
  assert.equal(watch.killed(4711, false), false, 'nothing was killed since: that was another process of this pid');
  assert.equal(watch.killed(4711, true), true, 'a run that is older than the watch');
  kills(4);
  assert.deepEqual([watch.killed(4711, false), watch.killed(471, false), watch.killed(47111, false)], [true, false, false]);
  rmSync(files.log);
  assert.equal(watch.killed(4711, true), false, 'a log that may not be read tells nothing');
  rmSync(files.counts);
  assert.equal(createOomWatch(files).killed(4711, false), false);
});

test('in its own group it was over its limit, elsewhere the machine was out of memory; a kill by hand is neither', async () => {
  const reason = async (signal: NodeJS.Signals, { inGroup, byKernel }: { inGroup: number; byKernel: boolean }): Promise<string> => {
    const collection = { drain: () => Promise.resolve(), lastLines: () => [] };
    const run = { runId: 'r', pid: 7, startedMs: 0, adopted: false, collection, oomKills: () => inGroup } as unknown as Run;
    const room = {
      clock: systemClock,
      oom: { killed: () => byKernel },
      resources: { newest: () => undefined } as unknown as ResourceReader,
    };
    return reasonOf(await endOf(room, run, { end: { kind: 'signal', signal }, atMs: 1 }));
  };
  assert.equal(await reason('SIGKILL', { inGroup: 1, byKernel: true }), 'MEMORY_LIMIT');
  assert.equal(await reason('SIGKILL', { inGroup: 0, byKernel: true }), 'OOM_KILLED');
  assert.equal(await reason('SIGKILL', { inGroup: 0, byKernel: false }), 'SIGNAL');
  assert.equal(await reason('SIGTERM', { inGroup: 1, byKernel: true }), 'SIGNAL');
});
