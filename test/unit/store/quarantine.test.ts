import assert from 'node:assert/strict';
import { copyFileSync, existsSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isWalDamaged } from '../../../src/store/wal-check.ts';
import { openRoom, openTestStore, scratch } from '../../helpers/event-room.ts';

const procedures = new URL('../../fixtures/store/counter-procedures.ts', import.meta.url);

/** The files of a database as they lie there when the power goes: not closed, with a log of several transactions. */
function crashed(dir: string, rows: number): string {
  const from = join(dir, 'source.db');
  const db = new DatabaseSync(from);
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (n, filler)');
  for (let n = 0; n < rows; n++) db.prepare('INSERT INTO t VALUES (?, zeroblob(3000))').run(n);
  const path = join(dir, 'sboxagent.db');
  for (const suffix of ['', '-wal']) copyFileSync(from + suffix, path + suffix);
  db.close();
  return path;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8((bytes[at] ?? 0) ^ 0x40, at);
  writeFileSync(path, bytes);
}

test('a log whose middle is damaged is told from one whose tail was never finished', () => {
  using tmp = scratch();
  const wal = `${crashed(tmp.dir, 10)}-wal`;
  const whole = readFileSync(wal);
  const frame = 24 + 4096;
  const check = (change: (size: number) => void): boolean => {
    writeFileSync(wal, whole);
    change(whole.length);
    return isWalDamaged(wal);
  };
  assert.equal(
    check(() => {}),
    false,
  );
  assert.equal(
    check(() => flip(wal, 32 + 3 * frame + 500)),
    true,
    'a page in the middle',
  );
  assert.equal(
    check(() => flip(wal, 32 + 3 * frame + 17)),
    true,
    'a checksum in the middle',
  );
  assert.equal(
    check(() => flip(wal, 20)),
    true,
    'the header',
  );
  assert.equal(
    check((size) => flip(wal, size - 100)),
    false,
    'the last page',
  );
  assert.equal(
    check((size) => truncateSync(wal, size - 700)),
    false,
    'a torn end',
  );
  assert.equal(
    check(() => truncateSync(wal, 0)),
    false,
    'empty',
  );
  assert.equal(isWalDamaged(join(tmp.dir, 'none')), false);
});

for (const [what, damage] of [
  ['no database at all', (path: string) => writeFileSync(path, 'x'.repeat(9000))],
  ['a page of zeros', (path: string) => writeSync(openSync(path, 'r+'), Buffer.alloc(4096 * 3), 0, 4096 * 3, 4096)],
] as const) {
  test(`moved aside and begun anew: ${what}`, async () => {
    using tmp = scratch();
    const path = join(tmp.dir, 'sboxagent.db');
    const before = await openTestStore({ dir: tmp.dir, procedures });
    for (let n = 0; n < 50; n++) await before.write('numbers', 'add', { n, bytes: 2000 });
    await before.stop();
    damage(path);
    const bytes = readFileSync(path);
    const store = await openTestStore({ dir: tmp.dir, procedures });
    const aside = readdirSync(tmp.dir).filter((name) => /^sboxagent\.db\.damaged-\d{8}T\d{6}Z$/.test(name));
    assert.equal(aside.length, 1);
    assert.deepEqual(readFileSync(join(tmp.dir, aside[0] ?? '')), bytes, 'kept as it was');
    const { status, kind, message } = store.health();
    assert.deepEqual([status, kind, message.includes(aside[0] ?? 'none')], ['DEGRADED', 'corrupt', true]);
    assert.deepEqual(await store.read('numbers', 'all', undefined), []);
    assert.ok((await store.write<number>('numbers', 'add', { n: 1 })) > 50, 'numbers are not used again');
    await store.stop();
    const next = await openTestStore({ dir: tmp.dir, procedures });
    assert.equal(next.health().status, 'HEALTHY');
    await next.stop();
  });
}

test('a damaged log: nothing vanishes in silence, cursors of the old journal are refused, revisions go on above', async () => {
  using tmp = scratch();
  using copy = scratch();
  {
    await using room = await openRoom({ dir: tmp.dir });
    for (let n = 0; n < 20; n++) await room.journal.publish([{ type: 'a.b', id: `e${n}` }], { source: 's' });
    for (const suffix of ['', '-wal']) copyFileSync(join(tmp.dir, `sboxagent.db${suffix}`), join(copy.dir, `sboxagent.db${suffix}`));
  }
  flip(join(copy.dir, 'sboxagent.db-wal'), 32 + 24 + 4096 * 4);
  await using room = await openRoom({ dir: copy.dir });
  assert.ok(readdirSync(copy.dir).some((name) => /damaged-\w+-wal$/.test(name)));
  assert.equal(existsSync(join(copy.dir, 'sboxagent.db')), true);
  assert.equal(room.journal.health().status, 'DEGRADED');
  const [receipt] = await room.journal.publish([{ type: 'a.b', id: 'e3' }], { source: 's' });
  assert.ok(receipt && !receipt.duplicate && receipt.event.revision > 1_000_000);
  const watch = room.journal.watch({ afterRevision: 20, progressEveryMs: 1000, signal: new AbortController().signal });
  await assert.rejects(watch[Symbol.asyncIterator]().next(), { reason: 'REVISION_COMPACTED' });
  assert.deepEqual(
    (await room.journal.list({ order: 'asc', pageSize: 10 })).events.map((event) => event.type),
    ['store.degraded', 'a.b'],
  );
});
