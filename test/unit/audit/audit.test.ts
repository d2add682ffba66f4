import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashOf, noHash } from '../../../src/audit/chain.ts';
import { verifyAudit } from '../../../src/audit/state-dir.ts';
import type { AuditFilter } from '../../../src/audit/types.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { type AuditRoom, auditCallOf, everything, keptForYears, openAuditRoom } from '../../helpers/audit-room.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { eventually, scratch } from '../../helpers/event-room.ts';
import { smallDisk } from '../../helpers/small-disk.ts';

const ok = { code: 'OK', reason: '' };

async function all({ audit }: AuditRoom, filter: Partial<AuditFilter> = {}, order: 'asc' | 'desc' = 'asc') {
  return (await audit.list({ filter: { ...everything, ...filter }, order, pageSize: 1000, cursor: undefined })).entries;
}

async function record(room: AuditRoom, method: string, rest: Parameters<typeof auditCallOf>[1] = {}): Promise<void> {
  await (await room.audit.begin(auditCallOf(method, rest))).finish(ok);
}

test('an entry a call, chained by the hash of the canonical form', async () => {
  using at = scratch();
  await using room = await openAuditRoom(at.dir);
  await record(room, 'a.S.Start', { target: 'edge', changes: ['command'] });
  await (await room.audit.begin(auditCallOf('a.S.Set'))).finish({
    code: 'NOT_FOUND',
    reason: 'PROCESS_NOT_FOUND',
    changes: ['x.y'],
    target: 'z',
  });
  const [first, second] = await all(room);
  assert.ok(first && second);
  assert.deepEqual([first.sequence, first.target, first.changes, first.code], [1, 'edge', ['command'], 'OK']);
  assert.deepEqual([second.sequence, second.target, second.changes, second.reason], [2, 'z', ['x.y'], 'PROCESS_NOT_FOUND']);
  assert.equal(first.hash, hashOf(first, noHash));
  assert.equal(second.hash, hashOf(second, first.hash));
  assert.equal(room.value('sboxagent_audit_entries_total{}'), 2);
});

test('texts that a caller chose are kept so that the chain can be read again', async () => {
  using at = scratch();
  await using room = await openAuditRoom(at.dir);
  await record(room, 'a.S.M', { target: `x\ud800\0\n${'y'.repeat(1000)}`, changes: Array.from({ length: 200 }, (_, i) => `c${i}`) });
  const [entry] = await all(room);
  assert.ok(entry?.target.startsWith('x\ufffd\ufffd\ufffdy'));
  assert.deepEqual([entry?.target.length, entry?.changes.length], [256, 64]);
  assert.equal(verifyAudit(at.dir)?.problem, undefined);
});

test('filters, order and pages', async () => {
  using at = scratch();
  await using room = await openAuditRoom(at.dir);
  for (let n = 0; n < 10; n++) {
    const rest = { principal: n % 2 === 0 ? 'even' : 'odd', target: `t${n}`, timeMs: 1000 + n };
    await record(room, n < 5 ? 'x.A.StartProcess' : 'x.B[1].Stop?', rest);
  }
  const targets = async (filter: Partial<AuditFilter>): Promise<string> => (await all(room, filter)).map(({ target }) => target).join();
  assert.equal(await targets({ principals: ['even'], methods: ['*.StartProcess'] }), 't0,t2,t4');
  assert.equal(await targets({ methods: ['x.B[1].*'], sinceMs: 1007, untilMs: 1009 }), 't7,t8');
  assert.equal(await targets({ methods: ['x.A.StartProces?'] }), '', 'only * is special');
  assert.equal(await targets({ targets: ['t3', 't9'], codes: ['OK'] }), 't3,t9');
  const page = { filter: everything, order: 'desc', pageSize: 4 } as const;
  const first = await room.audit.list({ ...page, cursor: undefined });
  assert.deepEqual([first.entries.map(({ sequence }) => sequence), first.nextCursor], [[10, 9, 8, 7], 7]);
  const last = await room.audit.list({ ...page, pageSize: 7, cursor: 7 });
  assert.deepEqual([last.entries.map(({ sequence }) => sequence), last.nextCursor], [[6, 5, 4, 3, 2, 1], undefined]);
});

test('retention takes the old end, also by the clock of the machine, and the rest is anchored', async () => {
  using at = scratch();
  const { clock, advance, setWall } = bentClock(1_000_000);
  await using room = await openAuditRoom(at.dir, { clock, retention: { ...keptForYears, ageMs: 60_000 } });
  await record(room, 'a.S.Old');
  advance(50_000);
  setWall(2_000_000_000_000);
  await record(room, 'a.S.New');
  advance(5000);
  assert.equal((await all(room)).length, 2, 'a wall clock that jumps deletes nothing');
  advance(10_000);
  await eventually(async () => (await all(room)).length === 1);
  const verdict = verifyAudit(at.dir);
  assert.deepEqual([verdict?.first, verdict?.last, verdict?.problem], [2, 2, undefined]);
  await record(room, 'a.S.Next');
  room.audit.setSettings({ enabled: true, retention: { ...keptForYears, bytes: 300 } });
  advance(5000);
  await eventually(async () => (await all(room)).length === 1);
  assert.deepEqual([verifyAudit(at.dir)?.first, verifyAudit(at.dir)?.problem], [3, undefined]);
});

test('what a kill leaves without an end is completed at the next start', async () => {
  using at = scratch();
  {
    await using room = await openAuditRoom(at.dir);
    await room.audit.begin(auditCallOf('a.S.Begun', { target: 'edge' }));
  }
  await using room = await openAuditRoom(at.dir);
  const [entry] = await all(room);
  assert.deepEqual([entry?.method, entry?.target, entry?.code, entry?.reason], ['a.S.Begun', 'edge', 'UNKNOWN', 'INTERRUPTED']);
});

test('a flood of refusals is a few entries and their number', async () => {
  using at = scratch();
  const { clock, advance } = bentClock(1_000_000);
  await using room = await openAuditRoom(at.dir, { clock });
  const refusal = { code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' };
  for (let n = 0; n < 5000; n++) room.audit.refused(auditCallOf('a.S.Guess', { principal: 'anonymous' }), refusal);
  await eventually(async () => (await all(room)).length === 60);
  advance(60_000);
  await eventually(async () => (await all(room)).length === 61);
  assert.deepEqual((await all(room)).at(-1)?.changes, ['count=4940']);
});

test('a full disk: nothing is changed, what is read goes on, and it heals by itself', async (t) => {
  using tmp = scratch();
  using disk = smallDisk(t, tmp.dir);
  if (!disk) return;
  await using room = await openAuditRoom(disk.dir);
  await record(room, 'a.S.Before');
  const begun = await room.audit.begin(auditCallOf('a.S.Begun'));
  const ballast = join(disk.dir, 'ballast');
  writeFileSync(ballast, '');
  for (let size = 1 << 20; size >= 512; size /= 2) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // smaller ones may still fit
    }
  }
  let refusal: unknown;
  // The log of the database was given its pages already: they are used first.
  for (let n = 0; n < 3000 && refusal === undefined; n++) {
    await room.audit.begin(auditCallOf('a.S.Refused', { target: 'x'.repeat(4000) })).catch((error: unknown) => {
      refusal = error;
    });
  }
  assert.ok(refusal instanceof AgentError && refusal.reason === 'AUDIT_UNAVAILABLE' && (refusal.retryAfterMs ?? 0) > 0, String(refusal));
  await begun.finish(ok);
  assert.deepEqual(
    (await all(room)).map(({ method }) => method),
    ['a.S.Before'],
  );
  rmSync(ballast);
  await eventually(() => room.store.health().status === 'HEALTHY');
  await eventually(async () => (await all(room)).length === 2);
  assert.deepEqual(
    (await all(room)).map(({ method }) => method),
    ['a.S.Before', 'a.S.Begun'],
  );
});

test('off: nothing is written', async () => {
  using at = scratch();
  await using room = await openAuditRoom(at.dir);
  room.audit.setSettings({ enabled: false, retention: keptForYears });
  await record(room, 'a.S.M');
  room.audit.refused(auditCallOf('a.S.M'), ok);
  room.audit.setSettings({ enabled: true, retention: keptForYears });
  await record(room, 'a.S.N', { timeMs: systemClock.wallMs() });
  assert.deepEqual(
    (await all(room)).map(({ method }) => method),
    ['a.S.N'],
  );
});
