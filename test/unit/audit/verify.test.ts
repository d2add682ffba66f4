import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { auditedChange, verifyAudit } from '../../../src/audit/state-dir.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { auditCallOf, everything, openAuditRoom } from '../../helpers/audit-room.ts';
import { scratch } from '../../helpers/event-room.ts';

/** A chain of five entries, without a daemon. */
function chainOfFive(dir: string): void {
  for (let n = 1; n <= 5; n++) {
    const { timeMs: _, ...call } = auditCallOf('token.create', { principal: 'os:ops', via: 'cli' });
    auditedChange(dir, call, {
      clock: systemClock,
      expected: [],
      work: () => ({ value: n, result: { code: 'OK', reason: '', target: `t${n}` } }),
    });
  }
}

const tampering: readonly (readonly [what: string, sql: string, sequence: number, kind: string])[] = [
  ['a field is changed', "UPDATE audit_entries SET principal = 'nobody' WHERE sequence = 3", 3, 'CHANGED'],
  ['a list is changed', 'UPDATE audit_entries SET changes = \'["x"]\' WHERE sequence = 2', 2, 'CHANGED'],
  ['a time is changed', 'UPDATE audit_entries SET time_ms = time_ms + 1 WHERE sequence = 5', 5, 'CHANGED'],
  ['an entry in the middle is removed', 'DELETE FROM audit_entries WHERE sequence = 3', 3, 'REMOVED'],
  ['the first entry is removed', 'DELETE FROM audit_entries WHERE sequence = 1', 1, 'REMOVED'],
  ['the newest entries are removed', 'DELETE FROM audit_entries WHERE sequence > 3', 4, 'REMOVED'],
  [
    'two entries change places',
    'UPDATE audit_entries SET sequence = 100 WHERE sequence = 2; UPDATE audit_entries SET sequence = 2 WHERE sequence = 4; UPDATE audit_entries SET sequence = 4 WHERE sequence = 100',
    2,
    'CHANGED',
  ],
  ['the anchor is moved', 'UPDATE audit_chain SET anchor_sequence = 1; DELETE FROM audit_entries WHERE sequence = 1', 2, 'CHANGED'],
  ['the anchor is removed', 'DELETE FROM audit_chain', 1, 'ANCHOR_LOST'],
  [
    'the end is moved',
    "DELETE FROM audit_entries WHERE sequence = 5; UPDATE audit_chain SET last_sequence = 4, last_hash = 'ab'",
    4,
    'CHANGED',
  ],
];

for (const [what, sql, sequence, kind] of tampering) {
  test(`${what}: found, with its place`, () => {
    using at = scratch();
    chainOfFive(at.dir);
    const before = verifyAudit(at.dir);
    assert.deepEqual([before?.entries, before?.first, before?.last, before?.problem], [5, 1, 5, undefined]);
    const db = new DatabaseSync(join(at.dir, 'sboxagent.db'));
    db.exec(sql);
    db.close();
    const { problem } = verifyAudit(at.dir) ?? {};
    assert.deepEqual([problem?.sequence, problem?.kind], [sequence, kind], problem?.message);
  });
}

test('a chain that was written anew shows by a hash that was kept elsewhere', () => {
  using at = scratch();
  using other = scratch();
  chainOfFive(at.dir);
  chainOfFive(other.dir);
  const kept = verifyAudit(at.dir);
  const known = { sequence: 5, hash: kept?.hash ?? '' };
  assert.equal(verifyAudit(at.dir, known)?.problem, undefined);
  const { problem } = verifyAudit(other.dir, { ...known, hash: 'ab'.repeat(32) }) ?? {};
  assert.deepEqual([problem?.sequence, problem?.kind], [5, 'CHANGED']);
  assert.equal(verifyAudit(at.dir, { sequence: 9, hash: known.hash })?.problem?.kind, 'REMOVED');
});

test('without a database there is nothing to verify, and none is made', () => {
  using at = scratch();
  assert.equal(verifyAudit(at.dir), undefined);
  assert.equal(existsSync(join(at.dir, 'sboxagent.db')), false);
});

test('a change that fails has its entry too, and what it threw', () => {
  using at = scratch();
  const { timeMs: _, ...call } = auditCallOf('token.create', { via: 'cli' });
  const work = (): never => {
    throw new AgentError('INVALID_REQUEST', 'no');
  };
  assert.throws(() => auditedChange(at.dir, call, { clock: systemClock, expected: [], work }), /no/);
  assert.deepEqual([verifyAudit(at.dir)?.entries, statSync(join(at.dir, 'sboxagent.db')).mode & 0o777], [1, 0o600]);
});

test('the daemon goes on with the chain that the command line began, and the other way round', async () => {
  using at = scratch();
  chainOfFive(at.dir);
  await using room = await openAuditRoom(at.dir);
  await (await room.audit.begin(auditCallOf('a.S.M'))).finish({ code: 'OK', reason: '' });
  chainOfFive(at.dir);
  await (await room.audit.begin(auditCallOf('a.S.N'))).finish({ code: 'OK', reason: '' });
  const { entries } = await room.audit.list({ filter: everything, order: 'asc', pageSize: 100, cursor: undefined });
  assert.deepEqual(entries.map(({ method }) => method.slice(0, 5)).join(), `${'token,'.repeat(5)}a.S.M,${'token,'.repeat(5)}a.S.N`);
  assert.deepEqual([verifyAudit(at.dir)?.entries, verifyAudit(at.dir)?.problem], [12, undefined]);
});
