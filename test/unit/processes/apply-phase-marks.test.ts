/** A disk that refuses one of the marks that an apply leaves of its phases: the caller learns which apply it was, and when to try again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentError } from '../../../src/kernel/errors.ts';
import { createApplyLog } from '../../../src/processes/apply/apply-log.ts';
import { type ApplyJob, runApply } from '../../../src/processes/apply/transaction.ts';
import type { ApplyPhase, ApplyRecord } from '../../../src/processes/apply/types.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { silentLogger } from '../../helpers/event-room.ts';

const first: ApplyRecord = {
  ...{ id: '01JD4RZ6Y8M5T3K2V1W0X9Q7P6', processId: 'edge', phase: 'CHECKING', result: 'PENDING', fromRevision: 0, revision: 0 },
  ...{ runningRevision: 0, steps: [], engineOutput: [], violations: [], diff: '', traceId: '', author: 'me', reason: '', startTimeMs: 0 },
  impact: { restart: false, dropsConnections: false, portsAdded: [], portsRemoved: [] },
};
const full = new AgentError('JOURNAL_FULL', 'the disk is full', { metadata: { path: '/state' }, retryAfterMs: 5000 });

interface Rig {
  readonly job: ApplyJob;
  /** What was done to the document, in order. */
  readonly done: string[];
  record(): ApplyRecord;
}

/** An apply of which the mark of one phase cannot be written; all else holds. */
function rig(refused: ApplyPhase): Rig {
  const done: string[] = [];
  const { clock } = bentClock(1000);
  const save = (record: ApplyRecord): Promise<void> => (record.phase === refused ? Promise.reject(full) : Promise.resolve());
  const log = createApplyLog({ first, save, emit: () => {}, spans: undefined, clock, logger: silentLogger });
  const does =
    (what: string) =>
    <T>(): Promise<T> => {
      done.push(what);
      return Promise.resolve() as Promise<T>;
    };
  const change = { revision: { revision: 2 }, write: does('write'), commit: does('commit'), rollBack: does('rollBack') };
  const job = {
    subject: {
      id: 'edge',
      isWanted: () => true,
      isUp: () => true,
      beginTrial: () => ({
        takeUp: () => Promise.resolve({ how: 'restarted', ready: Promise.resolve() }),
        soak: () => Promise.resolve(''),
        end: () => {},
      }),
    },
    document: { head: undefined, begin: () => Promise.resolve(change) },
    judge: () => Promise.resolve({ texts: new Map(), diff: '', impact: first.impact, engineOutput: [], unchanged: false }),
    ...{ log, validateOnly: false, fromFile: false, lastGood: 0, giveFile: () => {}, author: { name: 'me', reason: '', traceId: '' } },
  };
  return { job: job as unknown as ApplyJob, done, record: log.record };
}

for (const [phase, result, did] of [
  ['CHECKING', 'REJECTED', []],
  ['SWAPPING', 'REJECTED', []],
  ['VERIFYING', 'ROLLED_BACK', ['write', 'rollBack']],
  ['COMMITTED', 'ROLLED_BACK', ['write', 'rollBack']],
] as const) {
  test(`the mark of ${phase}: ${result}, and the refusal names the apply`, async () => {
    const at = rig(phase);
    await assert.rejects(runApply(at.job), (error) => {
      assert.ok(error instanceof AgentError);
      const { apply_id, process_id, path } = error.metadata;
      assert.deepEqual([error.reason, apply_id, process_id, path, error.retryAfterMs], ['JOURNAL_FULL', first.id, 'edge', '/state', 5000]);
      assert.deepEqual(error.detail, { kind: 'apply', record: at.record() });
      return true;
    });
    assert.deepEqual([at.record().result, at.record().phase], [result, 'DONE']);
    assert.deepEqual(at.done, did);
  });
}
