/** How the shared state of a rollout changes. Pure: who writes it does so by compare-and-set, and asks again where somebody was first. */
import { countMarks, hasMark, withMark } from './marks.ts';
import type { Order, Outcome, Phase, Plan, RolloutState } from './types.ts';

export function initialState(plan: Plan, nowMs: number): RolloutState {
  return {
    phase: 'RUNNING',
    order: 0,
    skip_failed: false,
    working: [],
    resting: [],
    open_ms: 0,
    applied: '',
    failed: '',
    back: '',
    halt: undefined,
    start_ms: plan.time_ms,
    time_ms: nowMs,
  };
}

/** Whether an agent may begin now: `yes`, `later` with the moment to ask again, or `no` until the state changes. */
export type Leave = { readonly kind: 'yes' } | { readonly kind: 'later'; readonly atMs: number } | { readonly kind: 'no' };

const no: Leave = { kind: 'no' };

export function mayApply(plan: Plan, state: RolloutState, { agent, nowMs }: { readonly agent: string; readonly nowMs: number }): Leave {
  if (state.phase !== 'RUNNING' && state.phase !== 'COMPLETED') return no;
  if (isWorking(state, agent) || state.working.length >= plan.max_unavailable) return no;
  const place = plan.agents.indexOf(agent);
  const isCanary = place >= 0 && place < plan.canaries;
  if (!isCanary && !areSettled(state, plan.canaries)) return no;
  const waits = restsLeft(state.resting, plan, nowMs);
  const openMs = isCanary ? 0 : nowMs + Math.min(Math.max(0, state.open_ms - nowMs), plan.pause_ms);
  const free = plan.max_unavailable - state.working.length - waits.length;
  const atMs = Math.max(openMs, free > 0 ? 0 : nowMs + Math.min(...waits));
  return atMs > nowMs ? { kind: 'later', atMs } : { kind: 'yes' };
}

export function mayReturn(plan: Plan, state: RolloutState, agent: string): boolean {
  const isGoingBack = state.phase === 'ROLLING_BACK' || state.phase === 'ROLLED_BACK';
  return isGoingBack && !isWorking(state, agent) && state.working.length < plan.max_unavailable;
}

export function isWorking(state: RolloutState, agent: string): boolean {
  return state.working.some((one) => one.agent === agent);
}

/** What is left of each rest. No clock of another machine makes one longer than the plan says. */
function restsLeft(resting: readonly number[], plan: Plan, nowMs: number): readonly number[] {
  return resting.map((untilMs) => Math.min(untilMs - nowMs, plan.pause_ms)).filter((ms) => ms > 0);
}

/** Whether the first `count` agents of the plan are done: it runs there, or it failed there and that was accepted. */
function areSettled({ applied, failed, skip_failed: isAccepted }: RolloutState, count: number): boolean {
  for (let place = 0; place < count; place++) {
    if (!hasMark(applied, place) && !(isAccepted && hasMark(failed, place))) return false;
  }
  return true;
}

export function begin(state: RolloutState, agent: string, nowMs: number): RolloutState {
  return { ...state, working: [...state.working, { agent, since_ms: nowMs }], time_ms: nowMs };
}

/** Gives the place of an agent back that has done nothing with it. */
export function release(state: RolloutState, agent: string, nowMs: number): RolloutState {
  return { ...state, working: state.working.filter((one) => one.agent !== agent), time_ms: nowMs };
}

export interface Finished {
  readonly agent: string;
  readonly outcome: Outcome;
  readonly nowMs: number;
}

/** An agent has ended its part. Saying it twice changes nothing more. */
export function finish(plan: Plan, before: RolloutState, { agent, outcome, nowMs }: Finished): RolloutState {
  const place = plan.agents.indexOf(agent);
  const held = isWorking(before, agent);
  const state = release(before, agent, nowMs);
  const mark = (marks: string, on: boolean): string => withMark(marks, place, on);
  switch (outcome.result) {
    case 'APPLIED': {
      const done = { ...state, applied: mark(state.applied, true), failed: mark(state.failed, false) };
      const rests = held && plan.pause_ms > 0 ? [...restsOver(state.resting, nowMs), nowMs + plan.pause_ms] : state.resting;
      const opens = !areSettled(before, plan.canaries) && areSettled(done, plan.canaries);
      return settle(plan, { ...done, resting: rests, open_ms: opens ? nowMs + plan.pause_ms : done.open_ms });
    }
    case 'RETURNED':
      return settle(plan, { ...state, applied: mark(state.applied, false), back: mark(state.back, true) });
    case 'STUCK':
      return settle(plan, { ...state, applied: mark(state.applied, false), failed: mark(state.failed, true), halt: haltOf() });
    default: {
      const isOpen = state.phase === 'RUNNING' || state.phase === 'COMPLETED';
      const failed = { ...state, failed: mark(state.failed, true), applied: mark(state.applied, false) };
      return isOpen ? { ...failed, phase: 'HALTED', halt: haltOf() } : settle(plan, failed);
    }
  }

  function haltOf() {
    return { agent, ...outcome, time_ms: nowMs };
  }
}

function restsOver(resting: readonly number[], nowMs: number): readonly number[] {
  return resting.filter((untilMs) => untilMs > nowMs);
}

/** The phase that follows by itself once nobody is left to wait for. */
function settle(plan: Plan, state: RolloutState): RolloutState {
  if (state.working.length > 0) return state;
  if (state.phase === 'RUNNING' && areSettled(state, plan.present)) return { ...state, phase: 'COMPLETED', halt: undefined };
  if (state.phase === 'ROLLING_BACK' && countMarks(state.applied) === 0) return { ...state, phase: 'ROLLED_BACK' };
  return state;
}

/** The agents that should have been done by now. */
export function overdue(plan: Plan, state: RolloutState, nowMs: number): RolloutState['working'] {
  return state.working.filter(({ since_ms: sinceMs }) => nowMs - sinceMs > plan.deadline_ms);
}

/** Somebody has noticed that an agent is overdue. */
export function haltOverdue(plan: Plan, state: RolloutState, nowMs: number): RolloutState {
  const [late] = overdue(plan, state, nowMs);
  if (late === undefined || (state.phase !== 'RUNNING' && state.phase !== 'COMPLETED')) return state;
  const why = `it has not ended its part within ${Math.round(plan.deadline_ms / 1000)} s`;
  return { ...state, phase: 'HALTED', halt: { agent: late.agent, result: 'OVERDUE', why, time_ms: nowMs }, time_ms: nowMs };
}

/** From which phases an order is obeyed. */
export const obeyedIn: Readonly<Record<Order['verb'], readonly Phase[]>> = {
  resume: ['HALTED'],
  abort: ['RUNNING', 'HALTED', 'COMPLETED'],
  rollback: ['RUNNING', 'HALTED', 'ABORTED', 'COMPLETED', 'ROLLED_BACK'],
};

/** Puts an order into effect. One that comes in the wrong phase is taken note of, and changes nothing else. */
export function obey(plan: Plan, before: RolloutState, { order, nowMs }: { readonly order: Order; readonly nowMs: number }): RolloutState {
  if (order.sequence <= before.order) return before;
  const state = { ...before, order: order.sequence, time_ms: nowMs };
  if (!obeyedIn[order.verb].includes(state.phase)) return state;
  switch (order.verb) {
    case 'resume': {
      const late = overdue(plan, state, nowMs);
      const working = state.working.filter((one) => !late.includes(one));
      return settle(plan, { ...state, phase: 'RUNNING', halt: undefined, skip_failed: order.skip_failed, working });
    }
    case 'abort':
      return { ...state, phase: 'ABORTED' };
    case 'rollback':
      return settle(plan, { ...state, phase: 'ROLLING_BACK', halt: undefined });
  }
}
