import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addTraffic, readTraffic, type TrafficRecord, writeTraffic } from '../../../src/processes/traffic.ts';

test('totals only rise: over a new run, a count that began anew inside a run, and an engine that counts nothing for a while', () => {
  const asked: readonly (readonly [runId: string, transmit: number | undefined, receive: number | undefined, total: readonly number[]])[] =
    [
      ['a', undefined, undefined, []],
      ['a', 5, 10, [5, 10]],
      ['a', 7, 10, [7, 10]],
      ['b', 9, 1, [16, 11]],
      ['b', undefined, undefined, [16, 11]],
      ['b', 10, 4, [17, 14]],
      ['b', 2, 5, [19, 19]],
      ['b', 3, 5, [20, 19]],
    ];
  let record: TrafficRecord | undefined;
  for (const [runId, transmitBytes, receiveBytes, total] of asked) {
    record = addTraffic(record, runId, { connections: undefined, transmitBytes, receiveBytes });
    assert.deepEqual(record === undefined ? [] : [record.total.transmitBytes, record.total.receiveBytes], total);
  }
});

test('a record is read as it was written; what is none begins anew', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sboxagent-traffic-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'traffic.json');
  assert.equal(readTraffic(path), undefined);
  const record = addTraffic(undefined, 'a', { connections: 1, transmitBytes: 5, receiveBytes: 10 });
  assert.ok(record);
  await writeTraffic(path, record);
  assert.deepEqual(readTraffic(path), record);
  for (const text of ['', '{}', 'null', '{"version":1,"runId":"a","engine":{},"total":{"transmitBytes":"1"}}']) {
    writeFileSync(path, text);
    assert.equal(readTraffic(path), undefined, text);
  }
});
