import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { procedures } from '../../../src/events/journal-procedures.ts';
import type { ScanArgs, ScanResult } from '../../../src/events/journal-scan.ts';
import { createRowPacker, eachRow, type PackedRows } from '../../../src/events/record.ts';
import type { EventFilter } from '../../../src/events/types.ts';

const ours = 'a'.repeat(32);
const other = 'b'.repeat(32);

/** Events n = 1 to `count`, of our trace, of a type and a subject of their own at `places`. */
function rowsOf(count: number, places: ReadonlySet<number>): PackedRows {
  const packer = createRowPacker();
  for (let n = 1; n <= count; n++) {
    const at = { seconds: n, nanos: 0 };
    const ourOwn = places.has(n)
      ? { traceId: ours, type: 'test.rare', subject: 'edge' }
      : { traceId: other, type: 'test.common', subject: '' };
    const event = {
      ...({ id: `e${n}`, source: 's', severity: 'INFO', priority: 50, time: at, ingestTime: at, ...ourOwn } as const),
      ...{ spanId: '', correlationId: '', data: undefined, dataText: undefined, attributes: {}, redacted: [] },
    };
    packer.add({ event, wireBytes: 100 }, n);
  }
  return packer.rows;
}

/** A journal in memory; the first `gone` events are removed. */
function journal(count: number, places: ReadonlySet<number>, gone: number): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  for (const sql of procedures.migrations) db.exec(sql);
  procedures.writes['append']?.(db, rowsOf(count, places) as never);
  if (gone > 0) procedures.writes['compact']?.(db, { beforeAgeMs: 0, overCount: gone, overBytes: 0, chunk: gone } as never);
  return db;
}

interface Found {
  readonly revisions: readonly number[];
  readonly scans: number;
}

function scanAll(db: DatabaseSync, filter: EventFilter, { order, limit }: Pick<ScanArgs, 'order' | 'limit'>): Found {
  const found: number[] = [];
  let from = order === 'asc' ? 0 : Number.MAX_SAFE_INTEGER;
  for (let scans = 1; ; scans++) {
    const args: ScanArgs = { filter, order, from, limit, room: 1 << 20 };
    const { events, scanned, done } = procedures.reads['scan']?.(db, args as never) as ScanResult;
    found.push(...events.map(({ revision }) => revision));
    if (done) return { revisions: found, scans };
    assert.notEqual(scanned, from, 'a scan goes on');
    from = scanned;
  }
}

/** Event n alone. */
function oneRow(n: number): PackedRows {
  const rows: (string | number)[] = [];
  eachRow(rowsOf(n, new Set([n])), (row, at) => at === n - 1 && rows.push(...row));
  return rows;
}

const searches: readonly EventFilter[] = [{ traceId: ours }, { types: ['test.rare'] }, { subjects: ['edge'] }];
const places = [1, 2, 1023, 1024, 1025, 2047, 2048, 4500, 5119, 5120, 5121, 9000];

test('what is looked for is found in order over all stretches of the journal, page by page, both ways, and beyond what is gone', () => {
  const db = journal(9000, new Set(places), 1023);
  const kept = places.filter((place) => place > 1023);
  for (const filter of [...searches, { types: ['test.r*'] }]) {
    for (const limit of [1, 2, 100]) {
      const said = `${JSON.stringify(filter)} by ${limit}`;
      assert.deepEqual(scanAll(db, filter, { order: 'asc', limit }).revisions, kept, said);
      assert.deepEqual(scanAll(db, filter, { order: 'desc', limit }).revisions, kept.toReversed(), said);
    }
    assert.deepEqual(scanAll(journal(0, new Set(), 0), filter, { order: 'asc', limit: 10 }), { revisions: [], scans: 1 });
  }
});

test('a search passes over the stretches that do not hold what it looks for, and one that finds many is cut', () => {
  const few = journal(9000, new Set([1, 9000]), 0);
  const many = journal(20 * 1024, new Set(Array.from({ length: 20 }, (_, stretch) => stretch * 1024 + 5)), 0);
  for (const filter of searches) {
    for (const order of ['asc', 'desc'] as const) {
      assert.deepEqual(scanAll(few, filter, { order, limit: 100 }).scans, 1);
      const { revisions, scans } = scanAll(many, filter, { order, limit: 100 });
      assert.equal(revisions.length, 20);
      assert.equal(scans, 2, 'sixteen stretches, and the rest');
    }
  }
});

test('terms are noted once for a stretch, and go with its last event', () => {
  const db = journal(3000, new Set([1, 2, 2500]), 1500);
  const terms = db.prepare('SELECT stretch, kind, term FROM events_terms ORDER BY stretch, kind, term').all();
  assert.deepEqual(
    terms.map(({ stretch, kind, term }) => [stretch, kind, term]),
    [
      [1, 0, 'test.common'],
      [1, 2, other],
      ...[
        [2, 0, 'test.common'],
        [2, 0, 'test.rare'],
      ],
      [2, 1, 'edge'],
      [2, 2, ours],
      [2, 2, other],
    ],
  );
});

test('in a database that had an index of each column everything is found as in a new one', () => {
  const [table = '', traces = '', ...newer] = procedures.migrations;
  const db = new DatabaseSync(':memory:');
  db.exec(table);
  db.exec(traces);
  const insert =
    db.prepare(`INSERT INTO events (bytes, age_ms, severity, time_s, source, id, type, subject, trace_id, body, checksum, revision)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  eachRow(rowsOf(5000, new Set(places)), (row, at) => insert.run(...row, crc32(row[9], crc32(String(at + 1))), at + 1));
  for (const sql of newer) db.exec(sql);
  const kept = places.filter((place) => place <= 5000);
  for (const filter of searches) assert.deepEqual(scanAll(db, filter, { order: 'asc', limit: 100 }), { revisions: kept, scans: 1 });
  procedures.writes['append']?.(db, oneRow(5001) as never);
  assert.deepEqual(scanAll(db, { types: ['test.rare'] }, { order: 'desc', limit: 1 }).revisions.slice(0, 2), [5001, 4500]);
  const indexes = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'events'").all();
  assert.deepEqual(
    indexes.map(({ name }) => name),
    ['events_id'],
  );
});
