/** Each transition of a rollout is told once, also where several are one change. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventsOfChange } from '../../../../src/fleet/rollout/news.ts';
import { begin, finish, initialState, obey } from '../../../../src/fleet/rollout/transitions.ts';
import type { Order, Plan, RolloutState } from '../../../../src/fleet/rollout/types.ts';

const plan: Plan = {
  ...{ id: '01KB0000000000000000000000', prefix: 'sboxagent', unit: 'edge', generation: 7, selector: { agents: [], labels: '' } },
  ...{ agents: ['a', 'b'], canaries: 0, present: 2, max_unavailable: 2, pause_ms: 0, deadline_ms: 1000, content_sha256: 'a'.repeat(64) },
  ...{ reason: '', trace_id: 'b'.repeat(32), time_ms: 1, expire_ms: 2 },
};
const typesOf = (before: RolloutState | undefined, after: RolloutState): readonly string[] =>
  eventsOfChange(plan, { before, after }).map(({ type }) => type.replace('fleet.rollout.', ''));
const orderOf = (sequence: number, verb: Order['verb'], skipFailed = false): Order => ({
  ...{ rollout: plan.id, prefix: 'sboxagent', sequence, verb, skip_failed: skipFailed, time_ms: 0 },
});

it('from the start to the end', () => {
  const fresh = initialState(plan, 0);
  const begun = begin(begin(fresh, 'a', 0), 'b', 0);
  assert.deepEqual(typesOf(undefined, begun), ['started']);
  const one = finish(plan, begun, { agent: 'a', outcome: { result: 'APPLIED', why: '' }, nowMs: 1 });
  assert.deepEqual(typesOf(begun, one), []);
  const halted = finish(plan, one, { agent: 'b', outcome: { result: 'ROLLED_BACK', why: 'no route' }, nowMs: 2 });
  assert.deepEqual(typesOf(one, halted), ['halted']);
  const [event] = eventsOfChange(plan, { before: one, after: halted });
  assert.deepEqual([event?.data?.['agent'], event?.data?.['why'], event?.data?.['applied'], event?.subject], ['b', 'no route', 1, 'edge']);
  const resumed = obey(plan, halted, { order: orderOf(1, 'resume', true), nowMs: 3 });
  assert.deepEqual(typesOf(halted, resumed), ['resumed', 'completed']);
  const back = obey(plan, resumed, { order: orderOf(2, 'rollback'), nowMs: 4 });
  assert.deepEqual(typesOf(resumed, back), ['rolling_back']);
  const nowhere = obey(plan, { ...resumed, applied: '' }, { order: orderOf(2, 'rollback'), nowMs: 4 });
  assert.deepEqual(typesOf(resumed, nowhere), ['rolling_back', 'rolled_back']);
});
