import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AgentError } from '../../../src/kernel/errors.ts';
import { newRecord, noChecks, type PluginRecord } from '../../../src/plugins/record.ts';
import { createRecovery, type Recovery } from '../../../src/plugins/recovery.ts';
import type { PluginUnitSettings, RecoveryStep } from '../../../src/settings/types.ts';
import { silentLogger } from '../../helpers/event-room.ts';

/** A plugin whose checks failed often enough that its ladder is climbed now. */
function illPlugin(steps: readonly RecoveryStep[]): PluginRecord {
  const record = newRecord('geo', 0);
  const unit = { id: 'geo', recovery: { steps, budget: 10, windowMs: 60_000, backoffMs: 100 } } as Partial<PluginUnitSettings>;
  return Object.assign(record, {
    unit,
    kind: 'PROCESS',
    process: 'READY',
    checks: { ...noChecks(), failures: 3 },
    verdict: { status: 'UNHEALTHY', reason: 'PROBE_FAILED', message: 'refused', failures: 3 },
  });
}

function climber(doing: { readonly restart: () => Promise<void>; readonly push?: () => Promise<boolean> }): Recovery {
  return createRecovery({
    supervisor: { restart: doing.restart as never, stop: async () => assert.fail('nothing is to be stopped') },
    documents: { push: doing.push ?? (async () => false), rollback: async () => false },
    rerun: () => undefined,
    journal: { emit: () => {} } as never,
    logger: silentLogger,
    retries: () => 3,
    nowMs: () => 1000,
    touch: () => {},
  });
}

test('a step that fails because a person stopped the process leaves no failed check, however late it is told', async () => {
  const record = illPlugin(['restart']);
  const restart = Promise.withResolvers<void>();
  const recovery = climber({ restart: () => restart.promise });
  recovery.takeDueStep(record);
  Object.assign(record, { process: 'STOPPED', checks: noChecks() });
  restart.reject(new AgentError('START_FAILED', 'geo was stopped before its start was proved'));
  await turn();
  assert.equal(record.recovery.stepping, false);
  assert.equal(record.checks.failures, 0);
});

test('a step that fails by itself counts as failed checks', async () => {
  const record = illPlugin(['restart']);
  const recovery = climber({ restart: () => Promise.reject(new AgentError('START_FAILED', 'no such file')) });
  recovery.takeDueStep(record);
  await turn();
  assert.deepEqual([record.checks.failures, record.checks.message], [3, 'no such file']);
});

test('a person who takes over while one step is under way sees no further step', async () => {
  const record = illPlugin(['push_config', 'restart']);
  const push = Promise.withResolvers<boolean>();
  const recovery = climber({ push: () => push.promise, restart: async () => assert.fail('the recovery is over') });
  recovery.takeDueStep(record);
  recovery.reset(record);
  push.resolve(false);
  await turn();
  assert.deepEqual([record.recovery.stepping, record.recovery.active, record.lost], [false, false, false]);
});
