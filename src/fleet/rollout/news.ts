/** What is said of rollouts in the journal: each transition once, by the agent whose write made it. */
import type { NewEvent } from '../../events/index.ts';
import type { Change } from './bucket.ts';
import { countMarks } from './marks.ts';
import type { Part, Phase, Plan } from './types.ts';

const phaseEvents: Readonly<Record<Phase, { readonly type: string; readonly severity: 'INFO' | 'WARNING' | 'ERROR' }>> = {
  RUNNING: { type: 'fleet.rollout.resumed', severity: 'INFO' },
  HALTED: { type: 'fleet.rollout.halted', severity: 'ERROR' },
  ABORTED: { type: 'fleet.rollout.aborted', severity: 'WARNING' },
  COMPLETED: { type: 'fleet.rollout.completed', severity: 'INFO' },
  ROLLING_BACK: { type: 'fleet.rollout.rolling_back', severity: 'WARNING' },
  ROLLED_BACK: { type: 'fleet.rollout.rolled_back', severity: 'WARNING' },
};

function eventOf(plan: Plan, { type, severity }: { readonly type: string; readonly severity: NewEvent['severity'] & string }): NewEvent {
  return { type, severity, subject: plan.unit, traceId: plan.trace_id };
}

const ofPlan = ({ id, unit, agents, present, canaries, max_unavailable: maxUnavailable, reason }: Plan) => ({
  ...{ rollout: id, unit, agents: agents.length, present, canaries, max_unavailable: maxUnavailable, reason },
});

/** The events of one change of the shared state. */
export function eventsOfChange(plan: Plan, { before, after }: Change): readonly NewEvent[] {
  const started =
    before === undefined ? [{ ...eventOf(plan, { type: 'fleet.rollout.started', severity: 'INFO' }), data: ofPlan(plan) }] : [];
  const { applied, failed, back, halt } = after;
  const counts = { applied: countMarks(applied), failed: countMarks(failed), returned: countMarks(back) };
  const where = halt === undefined ? {} : { agent: halt.agent, result: halt.result, why: halt.why };
  const data = { rollout: plan.id, unit: plan.unit, agents: plan.agents.length, ...counts, ...where };
  return [
    ...started,
    ...phasesOf(before?.phase ?? 'RUNNING', after.phase).map((phase) => ({ ...eventOf(plan, phaseEvents[phase]), data })),
  ];
}

/** The phases that a change has gone through. Where nobody was waited for, an order and what follows of it are one change. */
function phasesOf(before: Phase, after: Phase): readonly Phase[] {
  if (after === before) return [];
  if (before === 'HALTED' && after === 'COMPLETED') return ['RUNNING', after];
  if (before !== 'ROLLING_BACK' && after === 'ROLLED_BACK') return ['ROLLING_BACK', after];
  return [after];
}

const partEvents = {
  APPLYING: { type: 'fleet.rollout.applying', severity: 'INFO' },
  RETURNING: { type: 'fleet.rollout.returning', severity: 'INFO' },
  APPLIED: { type: 'fleet.rollout.applied', severity: 'INFO' },
  RETURNED: { type: 'fleet.rollout.returned', severity: 'INFO' },
  REFUSED: { type: 'fleet.rollout.refused', severity: 'WARNING' },
  REJECTED: { type: 'fleet.rollout.failed', severity: 'ERROR' },
  ROLLED_BACK: { type: 'fleet.rollout.failed', severity: 'ERROR' },
  FAILED: { type: 'fleet.rollout.failed', severity: 'ERROR' },
  STUCK: { type: 'fleet.rollout.failed', severity: 'ERROR' },
} as const;

/** The event of one step at this agent. */
export function eventOfPart(plan: Plan, part: Part, agent: string): NewEvent {
  const { state, why, from_revision: fromRevision, revision } = part;
  const data = { rollout: plan.id, unit: plan.unit, agent, result: state, why, from_revision: fromRevision, revision };
  return { ...eventOf(plan, partEvents[state]), data };
}
