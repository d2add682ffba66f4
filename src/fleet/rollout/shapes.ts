/** What is read from the bucket is of others: its form is looked at before anything of it is used. */
import { type AgentSelector, compileSelector } from '../selector.ts';
import { type Order, type Plan, phases, type RolloutState, verbs } from './types.ts';

type Test = (value: unknown) => boolean;
type Shape<T> = { readonly [name in keyof Required<T>]: Test };

/** Agents of one plan. */
export const mostAgents = 10_000;
const longestText = 4096;
const idForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const agentForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const unitForm = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const isText: Test = (value) => typeof value === 'string' && value.length <= longestText;
const isFlag: Test = (value) => typeof value === 'boolean';
const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isAgent: Test = (value) => typeof value === 'string' && agentForm.test(value);
const isMarks: Test = (value) => typeof value === 'string' && value.length <= mostAgents;
const matches =
  (form: RegExp): Test =>
  (value) =>
    typeof value === 'string' && form.test(value);
const oneOf =
  (values: readonly string[]): Test =>
  (value) =>
    typeof value === 'string' && values.includes(value);
const listOf =
  (test: Test, most: number): Test =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(test);
const shaped =
  <T>(shape: Shape<T>): Test =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries<Test>(shape).every(([name, test]) => test((value as Record<string, unknown>)[name]));

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

function parse<T>(text: string, test: Test): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return test(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** undefined: it is none. */
export const parsePlan = (text: string): Plan | undefined => parse<Plan>(text, isPlan);
export const parseOrder = (text: string): Order | undefined => parse<Order>(text, isOrder);
export const parseState = (text: string): RolloutState | undefined => parse<RolloutState>(text, isState);
