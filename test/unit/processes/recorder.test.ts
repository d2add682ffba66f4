import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NewEvent } from '../../../src/events/types.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { ProcessContext } from '../../../src/processes/context.ts';
import { untouched } from '../../../src/processes/lifecycle/transition.ts';
import { readRecord } from '../../../src/processes/record-file.ts';
import { createRecorder } from '../../../src/processes/recorder.ts';
import { runFiles } from '../../../src/processes/unit-record.ts';
import { silentLogger } from '../../fixtures/processes/rig.ts';

test('what was told lately is in the record, under the ids of the journal, within a bound, also when the daemon ends; it goes when the journal has it', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'sboxagent-recorder-'));
  try {
    let nowMs = 1000;
    const emitted: NewEvent[] = [];
    const stored = Promise.withResolvers<void>();
    const context = {
      stateDir,
      clock: { ...systemClock, monotonicMs: () => nowMs },
      journal: { emit: (event: NewEvent) => void emitted.push(event), settled: () => stored.promise },
      logger: silentLogger,
    } as Partial<ProcessContext> as ProcessContext;
    const kept = (): readonly NewEvent[] => readRecord(runFiles(stateDir, 'a').record)?.record.told ?? [];
    const recorder = createRecorder(context, 'a', { record: undefined, sequence: 0 });
    recorder.commit({ ...untouched }, undefined, []);
    assert.equal(readRecord(runFiles(stateDir, 'a').record), undefined, 'nobody asked anything of it');
    const up = { ...untouched, desired: 'UP' } as const;
    recorder.commit({ ...up }, undefined, [{ type: 'starting', data: {}, traceId: '' }]);
    nowMs += 5000;
    recorder.commit({ ...up }, undefined, [{ type: 'started', data: { pid: 1 }, traceId: '' }]);
    assert.deepEqual(
      kept().map((event) => event.id),
      emitted.map((event) => event.id),
    );
    nowMs += 6000;
    recorder.commit({ ...up }, undefined, [{ type: 'ready', data: { pid: 1 }, traceId: '' }]);
    assert.deepEqual(
      kept().map((event) => event.type),
      ['process.started', 'process.ready'],
      'the journal has had the time for the first',
    );
    for (let n = 0; n < 30; n++)
      recorder.commit({ ...up }, undefined, [{ type: 'exited', data: { log_lines: ['x'.repeat(30_000)] }, traceId: '' }]);
    assert.ok(kept().length >= 2 && JSON.stringify(kept()).length < 140_000);
    assert.equal(kept().at(-1)?.id, emitted.at(-1)?.id);
    const again: NewEvent[] = [];
    const before = readRecord(runFiles(stateDir, 'a').record);
    createRecorder({ ...context, journal: { ...context.journal, emit: (event) => void again.push(event) } }, 'a', {
      sequence: 0,
      ...before,
      record: before?.record,
    });
    assert.deepEqual(again, kept(), 'the next daemon hands them in again');
    recorder.commit({ ...up, halted: true }, undefined, []);
    assert.deepEqual(kept(), again, 'a daemon that ends may be killed before its journal has all');
    const removed = recorder.remove();
    await new Promise(setImmediate);
    assert.deepEqual(kept(), again, 'what the journal has not yet is not forgotten');
    stored.resolve();
    await removed;
    assert.equal(readRecord(runFiles(stateDir, 'a').record), undefined);
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
});
