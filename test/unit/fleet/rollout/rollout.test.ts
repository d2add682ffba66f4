/** Rollouts as their agents carry them out: the rules of the shared state, under every order in which agents may come. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../../src/fleet/rollout/decide.ts';
import { countMarks, hasMark, withMark } from '../../../../src/fleet/rollout/marks.ts';
import { begin, finish, haltOverdue, initialState, mayApply, obey, release } from '../../../../src/fleet/rollout/transitions.ts';
import type { Order, OutcomeResult, Part, Plan, RolloutState, Verb } from '../../../../src/fleet/rollout/types.ts';

const planOf = (count: number, more: Partial<Plan> = {}): Plan => ({
  id: '01KB0000000000000000000000',
  prefix: 'sboxagent',
  unit: 'edge',
  generation: 1,
  selector: { agents: [], labels: '' },
  agents: Array.from({ length: count }, (_, i) => `a${i}`),
  canaries: 1,
  present: count,
  max_unavailable: 2,
  pause_ms: 1000,
  deadline_ms: 60_000,
  content_sha256: '0'.repeat(64),
  reason: '',
  trace_id: '1'.repeat(32),
  time_ms: 0,
  expire_ms: 1e9,
  ...more,
});

const orderOf = (sequence: number, verb: Verb, skipFailed = false): Order => ({
  ...{ rollout: '01KB0000000000000000000000', prefix: 'sboxagent', sequence, verb, skip_failed: skipFailed, time_ms: 0 },
});

/** A fleet in one process: agents wake in a random order, and each does one step at a time, as the real ones do. */
function makeFleet(plan: Plan, { fails = [], seed = 1 }: { readonly fails?: readonly string[]; readonly seed?: number } = {}) {
  let state: RolloutState = initialState(plan, 0);
  let order: Order | undefined;
  let nowMs = 0;
  let random = seed;
  const broken = new Set(fails);
  const parts = new Map<string, Part>();
  const away = new Set<string>();
  const seenWorking: number[] = [];
  const next = (below: number): number => {
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
    return random % below;
  };
  const partOf = (agent: string, how: Part['state']): Part => ({
    ...{ rollout: plan.id, unit: plan.unit, generation: plan.generation, order: state.order, attempt: 0, state: how },
    ...{ from_revision: 1, revision: 2, why: '', time_ms: nowMs, ...(parts.get(agent) && { from_revision: 1 }) },
  });
  const settle = (agent: string, result: OutcomeResult): void => {
    parts.set(agent, partOf(agent, result));
    state = finish(plan, state, { agent, outcome: { result, why: result === 'ROLLED_BACK' ? 'no' : '' }, nowMs });
  };
  const wake = (agent: string): boolean => {
    const step = decide({ plan, state, order, own: parts.get(agent), agent, isWanted: true, nowMs });
    switch (step.do) {
      case 'wait':
        return false;
      case 'obey':
        if (order !== undefined) state = obey(plan, state, { order, nowMs });
        break;
      case 'begin':
        state = begin(state, agent, nowMs);
        break;
      case 'apply':
      case 'return': {
        const goes = step.do === 'apply' ? 'APPLYING' : 'RETURNING';
        if (parts.get(agent)?.state !== goes) parts.set(agent, partOf(agent, goes));
        else if (goes === 'RETURNING') settle(agent, 'RETURNED');
        else settle(agent, broken.has(agent) ? 'ROLLED_BACK' : 'APPLIED');
        break;
      }
      case 'finish':
        settle(agent, parts.get(agent)?.state as OutcomeResult);
        break;
      case 'look-up':
        parts.delete(agent);
        state = release(state, agent, nowMs);
        break;
      case 'release':
        state = release(state, agent, nowMs);
        break;
      case 'halt-overdue':
        state = haltOverdue(plan, state, nowMs);
        break;
    }
    seenWorking.push(state.working.length);
    return true;
  };
  return {
    parts,
    broken,
    away,
    state: () => state,
    give: (given: Order) => {
      order = given;
    },
    mostAtWork: () => Math.max(0, ...seenWorking),
    /** Wakes agents at random, and moves the time when none has anything to do. */
    run(rounds = 2000, names: readonly string[] = plan.agents): void {
      for (let round = 0; round < rounds; round++) {
        const there = names.filter((name) => !away.has(name));
        const start = next(Math.max(1, there.length));
        const moved = there.some((_, i) => wake(there[(start + i) % there.length] ?? ''));
        if (!moved) nowMs += 250;
      }
    },
    results: () => plan.agents.map((agent) => parts.get(agent)?.state ?? 'NONE'),
    doneAtMs: () => [...parts.values()].map((part) => part.time_ms).sort((a, b) => a - b),
  };
}

describe('marks', () => {
  it('are a set of places', () => {
    let marks = '';
    for (const place of [0, 7, 8, 300]) marks = withMark(marks, place, true);
    assert.deepEqual([hasMark(marks, 7), hasMark(marks, 9), hasMark(marks, 300), hasMark(marks, -1)], [true, false, true, false]);
    assert.equal(countMarks(withMark(marks, 8, false)), 3);
    assert.equal(withMark(marks, -1, true), marks);
    assert.equal(withMark(marks, 7, true), marks);
  });
});

describe('a rollout', () => {
  it('reaches every agent, never more than max_unavailable at once, canaries first, with its pauses', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const fleet = makeFleet(planOf(12), { seed });
      fleet.run();
      assert.equal(fleet.state().phase, 'COMPLETED', `seed ${seed}`);
      assert.ok(fleet.results().every((result) => result === 'APPLIED'));
      assert.ok(fleet.mostAtWork() <= 2, `seed ${seed}: ${fleet.mostAtWork()} at once`);
      const times = fleet.doneAtMs();
      assert.equal(fleet.parts.get('a0')?.time_ms, times[0]);
      // Two places, each resting a second after each agent: the ten that follow the canary and one more take five seconds at least.
      assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) >= 6000 - 250, `seed ${seed}: ${times.join(' ')}`);
    }
  });

  it('is halted by the first that takes it back; who has it keeps it, nobody else begins, and where is said', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const fleet = makeFleet(planOf(10, { max_unavailable: 1 }), { seed, fails: ['a4'] });
      fleet.run();
      const { phase, halt } = fleet.state();
      assert.deepEqual([phase, halt?.agent, halt?.result, halt?.why], ['HALTED', 'a4', 'ROLLED_BACK', 'no']);
      assert.equal(fleet.results().filter((result) => result === 'ROLLED_BACK').length, 1);
      assert.ok(fleet.results().every((result) => ['APPLIED', 'ROLLED_BACK', 'NONE'].includes(result)));
    }
  });

  it('goes on by a resume: tried again where it failed, or without that agent', () => {
    const again = makeFleet(planOf(6), { fails: ['a2'] });
    again.run();
    again.broken.clear();
    again.give(orderOf(1, 'resume'));
    again.run();
    assert.deepEqual([again.state().phase, again.results().every((result) => result === 'APPLIED')], ['COMPLETED', true]);

    const without = makeFleet(planOf(6), { fails: ['a2'] });
    without.run();
    without.give(orderOf(1, 'resume', true));
    without.run();
    assert.equal(without.state().phase, 'COMPLETED');
    assert.deepEqual(without.results(), ['APPLIED', 'APPLIED', 'ROLLED_BACK', 'APPLIED', 'APPLIED', 'APPLIED']);
  });

  it('a failed canary lets nobody else begin, until that is accepted', () => {
    const fleet = makeFleet(planOf(5), { fails: ['a0'] });
    fleet.run();
    assert.deepEqual(fleet.results(), ['ROLLED_BACK', 'NONE', 'NONE', 'NONE', 'NONE']);
    fleet.give(orderOf(1, 'resume', true));
    fleet.run();
    assert.equal(fleet.state().phase, 'COMPLETED');
  });

  it('is ended by an abort, and put back everywhere by a rollback', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const fleet = makeFleet(planOf(8, { max_unavailable: 1 }), { seed });
      fleet.run(14);
      fleet.give(orderOf(1, 'abort'));
      fleet.run();
      assert.equal(fleet.state().phase, 'ABORTED');
      const had = fleet.results().filter((result) => result === 'APPLIED').length;
      assert.ok(had < 8);
      fleet.give(orderOf(2, 'rollback'));
      fleet.run();
      assert.equal(fleet.state().phase, 'ROLLED_BACK');
      assert.equal(fleet.results().filter((result) => result === 'RETURNED').length, had);
      assert.ok(fleet.mostAtWork() <= 1);
    }
  });

  it('the shared state alone sends nobody back: that takes an order', () => {
    const plan = planOf(1);
    const state: RolloutState = { ...initialState(plan, 0), phase: 'ROLLING_BACK', applied: withMark('', 0, true) };
    const own: Part = {
      ...{ rollout: plan.id, unit: 'edge', generation: 1, order: 0, attempt: 0, state: 'APPLIED', from_revision: 1, revision: 2, why: '' },
      time_ms: 0,
    };
    const situation = { plan, state, own, agent: 'a0', isWanted: true, nowMs: 0 };
    assert.equal(decide({ ...situation, order: undefined }).do, 'wait');
    assert.equal(decide({ ...situation, order: orderOf(1, 'rollback'), state: { ...state, order: 1 } }).do, 'begin');
  });

  it('an old order that is put there again changes nothing', () => {
    const plan = planOf(3);
    const state = obey(plan, { ...initialState(plan, 0), order: 4 }, { order: orderOf(3, 'abort'), nowMs: 1 });
    assert.equal(state.phase, 'RUNNING');
  });

  it('is complete without those who were away, and reaches them when they come', () => {
    const fleet = makeFleet(planOf(5, { present: 3 }));
    for (const name of ['a3', 'a4']) fleet.away.add(name);
    fleet.run();
    assert.deepEqual([fleet.state().phase, fleet.results()], ['COMPLETED', ['APPLIED', 'APPLIED', 'APPLIED', 'NONE', 'NONE']]);
    fleet.away.clear();
    fleet.run();
    assert.ok(fleet.results().every((result) => result === 'APPLIED'));
  });

  it('reaches one that nobody knew when it was made; where it fails there, the others are kept from it', () => {
    const fleet = makeFleet(planOf(2), { fails: ['late'] });
    fleet.run();
    fleet.run(50, ['late']);
    assert.deepEqual([fleet.state().phase, fleet.state().halt?.agent], ['HALTED', 'late']);
  });

  it('an agent that dies at work holds its place until the deadline, and halts the rollout then', () => {
    const plan = planOf(3, { max_unavailable: 1, canaries: 0, pause_ms: 0 });
    const state = begin(initialState(plan, 0), 'a0', 0);
    const asked = { plan, order: undefined, own: undefined, agent: 'a1', isWanted: true } as const;
    assert.deepEqual(decide({ ...asked, state, nowMs: 1000 }), { do: 'wait', untilMs: 60_001 });
    assert.equal(decide({ ...asked, state, nowMs: 60_001 }).do, 'halt-overdue');
    const halted = haltOverdue(plan, state, 60_001);
    assert.deepEqual([halted.phase, halted.halt?.agent, halted.halt?.result], ['HALTED', 'a0', 'OVERDUE']);
    const resumed = obey(plan, halted, { order: orderOf(1, 'resume'), nowMs: 60_002 });
    assert.deepEqual([resumed.phase, resumed.working], ['RUNNING', []]);
  });

  it('no clock of another machine makes a rest longer than the pause', () => {
    const plan = planOf(3, { canaries: 0, max_unavailable: 1 });
    const state: RolloutState = { ...initialState(plan, 0), resting: [1e8] };
    assert.deepEqual(mayApply(plan, state, { agent: 'a1', nowMs: 5000 }), { kind: 'later', atMs: 6000 });
  });

  it('begins nowhere once it has expired', () => {
    const plan = planOf(1, { expire_ms: 100 });
    const situation = { plan, state: initialState(plan, 0), order: undefined, own: undefined, agent: 'a0', isWanted: true };
    assert.equal(decide({ ...situation, nowMs: 99 }).do, 'begin');
    assert.equal(decide({ ...situation, nowMs: 100 }).do, 'wait');
  });
});
