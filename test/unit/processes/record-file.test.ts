import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toRecord } from '../../../src/processes/lifecycle/durable.ts';
import { untouched } from '../../../src/processes/lifecycle/transition.ts';
import { readRecord, syncRecord, writeRecord } from '../../../src/processes/record-file.ts';
import type { UnitRecord } from '../../../src/processes/unit-record.ts';

const clocks = { nowMs: 1000, wallMs: 2000 };
const record = (message: string): UnitRecord =>
  toRecord({ ...untouched, desired: 'UP', message }, { id: 'a', run: undefined, bootId: 'b', told: [] }, clocks);

test('the newest whole record is read; a write that was cut at any byte leaves the one before it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sboxagent-record-'));
  const files = { even: join(directory, 'units/a/unit.0'), odd: join(directory, 'units/a/unit.1') };
  try {
    assert.equal(readRecord(files), undefined);
    writeRecord(files, { sequence: 1, record: record('é'.repeat(3000)) });
    writeRecord(files, { sequence: 2, record: record('second') });
    writeRecord(files, { sequence: 3, record: record('third, shorter than the first') });
    await syncRecord(files, 3, new Set());
    assert.deepEqual([readRecord(files)?.sequence, readRecord(files)?.record.message], [3, 'third, shorter than the first']);
    const older = readFileSync(files.even);
    writeRecord(files, { sequence: 4, record: record('fourth') });
    const whole = readFileSync(files.even);
    const end = whole.indexOf('\n', whole.indexOf('\n') + 1) + 1;
    for (let cut = 0; cut < end - 1; cut += 7) {
      // The first bytes are the new ones, the rest is still what lay there.
      writeFileSync(files.even, Buffer.concat([whole.subarray(0, cut), older.subarray(cut)]));
      assert.equal(readRecord(files)?.sequence, 3, `cut at ${cut}`);
    }
    writeFileSync(files.even, whole);
    assert.equal(readRecord(files)?.record.message, 'fourth');
    truncateSync(files.even, 10);
    truncateSync(files.odd, 0);
    assert.equal(readRecord(files), undefined);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
