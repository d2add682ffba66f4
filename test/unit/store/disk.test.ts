import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { diskKind, diskMessage } from '../../../src/store/disk-errors.ts';
import { eventually, openRoom, scratch } from '../../helpers/event-room.ts';
import { smallDisk } from '../../helpers/small-disk.ts';

const pad = { pad: 'x'.repeat(20_000) };

test('a full disk refuses, is told, loses nothing that was acknowledged, and heals by itself', async (t) => {
  using tmp = scratch();
  using disk = smallDisk(t, tmp.dir);
  if (!disk) return;
  const acked: string[] = [];
  const ballast = join(disk.dir, 'ballast');
  {
    await using room = await openRoom({ dir: disk.dir });
    const { journal, store, value } = room;
    writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
    let refusal: unknown;
    for (let n = 0; n < 400 && !refusal; n++) {
      await journal.publish([{ type: 'a.b', id: `e${n}`, data: pad }], { source: 's' }).then(
        () => acked.push(`e${n}`),
        (error: unknown) => {
          refusal = error;
        },
      );
    }
    assert.ok(refusal instanceof AgentError && refusal.reason === 'JOURNAL_FULL' && (refusal.retryAfterMs ?? 0) > 0, String(refusal));
    assert.ok(acked.length > 5);
    assert.deepEqual([journal.health().status, journal.health().reason, store.health().kind], ['DEGRADED', 'JOURNAL_FULL', 'full']);
    assert.equal(value('sboxagent_store_errors_total{full}'), 1);
    assert.equal((await journal.list({ order: 'asc', pageSize: 1 })).events.length, 1, 'reading goes on');
    journal.emit({ type: 'agent.note', id: 'from-the-agent' });
    rmSync(ballast);
    await eventually(() => journal.health().status === 'HEALTHY');
    await journal.publish([{ type: 'a.b', id: 'after' }], { source: 's' });
    await eventually(() =>
      journal.get('from-the-agent').then(
        () => true,
        () => false,
      ),
    );
  }
  await using room = await openRoom({ dir: disk.dir });
  const { events } = await room.journal.list({ order: 'asc', pageSize: 1000 });
  assert.deepEqual(
    events.filter((event) => event.id.startsWith('e')).map((event) => event.id),
    acked,
  );
  assert.deepEqual(
    events.map((event) => event.revision),
    events.map((_, i) => i + 1),
    'no revision was burnt',
  );
  assert.deepEqual(
    events.filter((event) => event.type !== 'a.b').map((event) => event.type),
    ['store.degraded', 'agent.note'],
  );
  assert.equal(room.store.health().status, 'HEALTHY');
});

/** Caps the size of files that this process may write, so that writes fail as they do on a broken disk (EFBIG). */
function capFiles(bytes: number | 'unlimited'): boolean {
  return spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]).status === 0;
}

for (const kind of ['io', 'read_only'] as const) {
  test(`a disk that fails under the journal (${kind}): told, nothing acknowledged is lost, healed by itself`, async (t) => {
    using tmp = scratch();
    const bind = (...args: string[]): boolean => spawnSync('mount', [...args, tmp.dir]).status === 0;
    await using room = await openRoom({ dir: tmp.dir });
    const { journal, store } = room;
    await journal.publish([{ type: 'a.b', id: 'first' }], { source: 's' });
    if (kind === 'read_only' && !(bind('--bind', tmp.dir) && bind('-o', 'remount,ro,bind')))
      return t.skip('mounting is not permitted here');
    try {
      if (!capFiles(150_000)) return t.skip('prlimit is not permitted here');
      const failures = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => journal.publish([{ type: 'a.b', id: `lost${n}`, data: pad }], { source: 's' })),
      );
      const refused = failures.filter((result) => result.status === 'rejected');
      assert.ok(refused.length > 0 && refused.every(({ reason }) => reason.reason === 'JOURNAL_UNAVAILABLE'));
      assert.deepEqual([journal.health().status, store.health().kind], ['DEGRADED', kind]);
      await assert.rejects(journal.publish([{ type: 'a.b' }], { source: 's' }), { reason: 'JOURNAL_UNAVAILABLE' });
      await systemClock.sleep(1200);
      if (kind === 'read_only') assert.equal(journal.health().status, 'DEGRADED', 'a probe does not take it for healed');
    } finally {
      capFiles('unlimited');
      if (kind === 'read_only') spawnSync('umount', [tmp.dir]);
    }
    await eventually(() => journal.health().status === 'HEALTHY');
    const [receipt] = await journal.publish([{ type: 'a.b', id: 'after' }], { source: 's' });
    const { events } = await journal.list({ order: 'asc', pageSize: 100 });
    assert.deepEqual([events[0]?.id, receipt?.duplicate], ['first', false]);
    assert.deepEqual(
      events.map((event) => event.revision),
      events.map((_, i) => i + 1),
    );
    return undefined;
  });
}

test('kinds of errors are told apart', () => {
  const sqlite = (errcode: number) => Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode });
  const table: readonly [unknown, string | undefined][] = [
    [sqlite(13), 'full'],
    [sqlite(8), 'read_only'],
    [sqlite(8 | (6 << 8)), 'read_only'],
    [sqlite(10 | (4 << 8)), 'io'],
    [sqlite(11), 'corrupt'],
    [sqlite(26), 'corrupt'],
    [sqlite(14), 'io'],
    [sqlite(19), undefined],
    [Object.assign(new Error('x'), { code: 'EROFS' }), 'read_only'],
    [Object.assign(new Error('x'), { code: 'EMFILE' }), 'descriptors'],
    [new Error('x'), undefined],
    ['x', undefined],
  ];
  for (const [error, kind] of table) assert.equal(diskKind(error), kind);
});

test('a database that another program holds is no fault of the disk: the message names the lock and what to do', {
  timeout: 30_000,
}, async () => {
  using tmp = scratch();
  await using room = await openRoom(tmp);
  const stranger = new DatabaseSync(join(tmp.dir, 'sboxagent.db'));
  stranger.exec('BEGIN IMMEDIATE');
  await assert.rejects(room.journal.publish([{ type: 'a' }], { source: 'x' }), (error) => {
    assert.ok(error instanceof AgentError);
    assert.equal(error.reason, 'JOURNAL_UNAVAILABLE');
    assert.match(error.message, /locked by another program/);
    assert.doesNotMatch(error.message, /disk/);
    return true;
  });
  assert.equal(room.store.health().status, 'HEALTHY');
  stranger.exec('ROLLBACK');
  stranger.close();
  assert.equal((await room.journal.publish([{ type: 'a' }], { source: 'x' }))[0]?.event.revision, 1);
});

test('what is told of a full disk, of permissions and of descriptors names its own remedy', () => {
  assert.match(diskMessage('full', '/x/db', 'd'), /no space/);
  assert.match(diskMessage('descriptors', '/x/db', 'd'), /LimitNOFILE/);
  assert.doesNotMatch(diskMessage('descriptors', '/x/db', 'd'), /check the disk|space/);
});
