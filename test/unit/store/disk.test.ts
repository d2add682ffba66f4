import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentError } from '../../../src/kernel/errors.ts';
import { diskKind } from '../../../src/store/disk-errors.ts';
import { eventually, openRoom, scratch } from '../../helpers/event-room.ts';

const pad = { pad: 'x'.repeat(20_000) };

/** A small file system of its own below `dir`; undefined (and the test skipped) where mounting is not permitted. */
function smallDisk(t: TestContext, dir: string): { readonly dir: string; [Symbol.dispose](): void } | undefined {
  const point = join(dir, 'disk');
  mkdirSync(point);
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', point], { encoding: 'utf8' });
  if (status === 0) return { dir: point, [Symbol.dispose]: () => void spawnSync('umount', [point]) };
  t.skip(`a file system cannot be mounted here: ${error?.message ?? stderr.trim()}`);
  return undefined;
}

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
    [new Error('x'), undefined],
    ['x', undefined],
  ];
  for (const [error, kind] of table) assert.equal(diskKind(error), kind);
});
