/** What an agent does next in a rollout. Pure: of the plan, the shared state, the newest order, and what the agent knows of its own part. */
import { hasMark } from './marks.ts';
import { isWorking, mayApply, mayReturn, overdue } from './transitions.ts';
import { failedResults, type Order, type Part, type Plan, type RolloutState } from './types.ts';

export interface Situation {
  readonly plan: Plan;
  readonly state: RolloutState;
  readonly order: Order | undefined;
  readonly own: Part | undefined;
  readonly agent: string;
  /** Whether the agent takes this plan up if it has not: it is the newest for the unit, and not over. */
  readonly isWanted: boolean;
  readonly nowMs: number;
}

export type Step =
  /** Nothing until something changes, or until then. */
  | { readonly do: 'wait'; readonly untilMs: number | undefined }
  | { readonly do: 'obey' }
  /** Take a place, to apply or to go back. */
  | { readonly do: 'begin' }
  /** The place is ours: apply, or go on with it. */
  | { readonly do: 'apply' }
  | { readonly do: 'return' }
  /** It was begun before the agent died, and is not to be begun again: what has become of it is looked up. */
  | { readonly do: 'look-up' }
  /** Our part is over, and the others do not know it yet. */
  | { readonly do: 'finish' }
  /** Our place is given back unused. */
  | { readonly do: 'release' }
  | { readonly do: 'halt-overdue' };

const wait: Step = { do: 'wait', untilMs: undefined };

export function decide(situation: Situation): Step {
  const { state, order, agent } = situation;
  if (order !== undefined && order.sequence > state.order) return { do: 'obey' };
  return isWorking(state, agent) ? stepOfWorking(situation) : stepOfOthers(situation);
}

function stepOfWorking(situation: Situation): Step {
  const { state, own } = situation;
  if (own?.state === 'APPLYING') return isOpen(state) ? { do: 'apply' } : { do: 'look-up' };
  if (isGoingBack(situation)) {
    if (own?.state === 'RETURNING' || own?.state === 'APPLIED') return { do: 'return' };
    return over(own);
  }
  if (own === undefined || mayTryAgain(own, state)) return isOpen(state) ? { do: 'apply' } : { do: 'release' };
  return over(own);
}

function over(own: Part | undefined): Step {
  return own === undefined || own.state === 'RETURNING' ? { do: 'release' } : { do: 'finish' };
}

function stepOfOthers(situation: Situation): Step {
  const { plan, state, own, agent, nowMs } = situation;
  const isBegun = own?.state === 'APPLYING' || own?.state === 'RETURNING';
  if (own?.state === 'APPLYING' && !isOpen(state)) return { do: 'look-up' };
  if (own !== undefined && !isBegun && !isKnown(situation, own)) return { do: 'finish' };
  if (isGoingBack(situation)) {
    const isOurs = own?.state === 'APPLIED' || own?.state === 'RETURNING';
    return isOurs && mayReturn(plan, state, agent) ? { do: 'begin' } : wait;
  }
  if (!isOpen(state)) return wait;
  if (overdue(plan, state, nowMs).length > 0) return { do: 'halt-overdue' };
  const untilMs = dueMs(situation);
  const isDone = own !== undefined && own.state !== 'APPLYING' && !mayTryAgain(own, state);
  if (isDone || !situation.isWanted || nowMs >= plan.expire_ms) return { do: 'wait', untilMs };
  const leave = mayApply(plan, state, { agent, nowMs });
  if (leave.kind === 'yes') return { do: 'begin' };
  return { do: 'wait', untilMs: leave.kind === 'later' ? Math.min(leave.atMs, untilMs ?? leave.atMs) : untilMs };
}

/** When the first of those at work would be overdue. */
function dueMs({ plan, state }: Situation): number | undefined {
  const first = Math.min(...state.working.map(({ since_ms: sinceMs }) => sinceMs));
  return Number.isFinite(first) ? first + plan.deadline_ms + 1 : undefined;
}

function isOpen({ phase }: RolloutState): boolean {
  return phase === 'RUNNING' || phase === 'COMPLETED';
}

/** The state alone does not send anybody back: who can write there need not be who may order it. */
function isGoingBack({ state: { phase }, order }: Situation): boolean {
  return (phase === 'ROLLING_BACK' || phase === 'ROLLED_BACK') && order?.verb === 'rollback';
}

/** It failed here, and an operator has said since that the rollout goes on. */
function mayTryAgain({ state: how, order }: Part, state: RolloutState): boolean {
  return failedResults.has(how) && !state.skip_failed && order < state.order;
}

/** Whether the shared state has our outcome. Who is not in the plan's list has no mark there. */
function isKnown({ plan, state, agent }: Situation, own: Part): boolean {
  const place = plan.agents.indexOf(agent);
  if (place < 0) return true;
  switch (own.state) {
    case 'APPLIED':
      return hasMark(state.applied, place);
    case 'RETURNED':
      return hasMark(state.back, place);
    case 'REFUSED':
      return true;
    default:
      return hasMark(state.failed, place);
  }
}
