import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { procedures, type ScanArgs, type ScanResult } from '../../../src/events/journal-procedures.ts';
import { packRow, toRow } from '../../../src/events/record.ts';

const ours = 'a'.repeat(32);
const other = 'b'.repeat(32);

/** A journal in memory whose events at `places` are of our trace; the first `gone` are removed. */
function journal(count: number, places: ReadonlySet<number>, gone: number): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  for (const sql of procedures.migrations) db.exec(sql);
  const rows: (string | number)[] = [];
  for (let n = 1; n <= count; n++) {
    const at = { seconds: n, nanos: 0 };
    const event = {
      ...({ id: `e${n}`, type: 'test.trace', source: 's', subject: '', severity: 'INFO', priority: 50, time: at, ingestTime: at } as const),
      ...{ traceId: places.has(n) ? ours : other, spanId: '', correlationId: '', data: undefined, attributes: {}, redacted: [] },
    };
    packRow(rows, toRow({ event, wireBytes: 100 }, n));
  }
  procedures.writes['append']?.(db, rows as never);
  if (gone > 0) procedures.writes['compact']?.(db, { beforeAgeMs: 0, overCount: gone, overBytes: 0, chunk: gone } as never);
  return db;
}

function scanAll(db: DatabaseSync, order: 'asc' | 'desc', limit: number): number[] {
  const found: number[] = [];
  let from = order === 'asc' ? 0 : Number.MAX_SAFE_INTEGER;
  for (;;) {
    const args: ScanArgs = { filter: { traceId: ours }, order, from, limit, room: 1 << 20 };
    const { events, scanned, done } = procedures.reads['scan']?.(db, args as never) as ScanResult;
    found.push(...events.map(({ revision }) => revision));
    if (done) return found;
    from = scanned;
  }
}

test('a trace is found in order over all stretches of the journal, page by page, both ways, and beyond what is gone', () => {
  const places = [1, 2, 1023, 1024, 1025, 2047, 2048, 4500, 5119, 5120, 5121, 9000];
  const db = journal(9000, new Set(places), 1023);
  const kept = places.filter((place) => place > 1023);
  for (const limit of [1, 2, 100]) {
    assert.deepEqual(scanAll(db, 'asc', limit), kept, `asc by ${limit}`);
    assert.deepEqual(scanAll(db, 'desc', limit), kept.toReversed(), `desc by ${limit}`);
  }
  assert.deepEqual(scanAll(journal(0, new Set(), 0), 'asc', 10), []);
});

test('what is looked for by a trace comes from the index, in its order', () => {
  const db = journal(10, new Set([1]), 0);
  const sql = `SELECT body FROM events WHERE revision > 0 AND trace_id = ? AND trace_id <> '' AND revision >> 10 = 0 ORDER BY revision DESC`;
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(ours);
  assert.match(String(plan[0]?.['detail']), /USING INDEX events_trace/);
  assert.equal(plan.length, 1, 'nothing is sorted');
});
