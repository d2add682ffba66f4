/** The documents of a rollout as the bucket has them. */
import { type AgentSelector, compileSelector } from '../selector.ts';
import { isAgent, isCount, isFlag, isText, listOf, matches, oneOf, parseAs, shaped, type Test } from '../shape.ts';
import { type Order, type Plan, phases, type RolloutState, verbs } from './types.ts';

/** Agents of one plan. */
export const mostAgents = 10_000;
const idForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const unitForm = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const isMarks: Test = (value) => typeof value === 'string' && value.length <= mostAgents;

const isSelector: Test = (value) =>
  shaped<AgentSelector>({ agents: listOf(isText, 1000), labels: isText })(value) && compileSelector(value as AgentSelector).ok;

const isPlan = shaped<Plan>({
  id: matches(idForm),
  prefix: isAgent,
  unit: matches(unitForm),
  generation: isCount,
  selector: isSelector,
  agents: listOf(isAgent, mostAgents),
  canaries: isCount,
  present: isCount,
  max_unavailable: (value) => isCount(value) && Number(value) > 0,
  pause_ms: isCount,
  deadline_ms: isCount,
  content_sha256: matches(/^[0-9a-f]{64}$/),
  reason: isText,
  trace_id: matches(/^[0-9a-f]{32}$/),
  time_ms: isCount,
  expire_ms: isCount,
});

const isOrder = shaped<Order>({
  rollout: matches(idForm),
  prefix: isAgent,
  sequence: (value) => isCount(value) && Number(value) > 0,
  verb: oneOf(verbs),
  skip_failed: isFlag,
  time_ms: isCount,
});

const isState = shaped<RolloutState>({
  phase: oneOf(phases),
  order: isCount,
  skip_failed: isFlag,
  working: listOf(shaped({ agent: isAgent, since_ms: isCount }), mostAgents),
  resting: listOf(isCount, mostAgents),
  open_ms: isCount,
  applied: isMarks,
  failed: isMarks,
  back: isMarks,
  halt: (value) => value === undefined || shaped({ agent: isAgent, result: isText, why: isText, time_ms: isCount })(value),
  start_ms: isCount,
  time_ms: isCount,
});

/** undefined: it is none. */
export const parsePlan = (text: string): Plan | undefined => parseAs<Plan>(text, isPlan);
export const parseOrder = (text: string): Order | undefined => parseAs<Order>(text, isOrder);
export const parseState = (text: string): RolloutState | undefined => parseAs<RolloutState>(text, isState);
