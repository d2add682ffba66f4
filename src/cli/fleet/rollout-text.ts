/** Rollouts as people see them. */
import type { FleetMember, Part, Rollout } from '../../fleet/client.ts';
import { countMarks } from '../../fleet/client.ts';
import { type Colour, type Column, card, type Style, table } from '../table.ts';

const phaseColours: Readonly<Record<string, Colour>> = {
  RUNNING: 'cyan',
  COMPLETED: 'green',
  HALTED: 'red',
  ABORTED: 'yellow',
  ROLLING_BACK: 'yellow',
  ROLLED_BACK: 'yellow',
};

/** One agent's part, as it stands now. */
export interface PartRow {
  readonly agent: string;
  /** `WAITING`: it has not begun. `AWAY`: nor can it. `APPLYING`, `RETURNING`, or the result. */
  readonly state: string;
  readonly canary: boolean;
  readonly from_revision: number;
  readonly revision: number;
  readonly why: string;
}

export interface Look {
  readonly rollout: Rollout;
  readonly parts: ReadonlyMap<string, Part>;
  readonly members: readonly FleetMember[];
}

export function partRows({ rollout, parts, members }: Look): readonly PartRow[] {
  const { plan, state } = rollout;
  const up = new Set(members.filter((member) => member.state === 'UP').map(({ name }) => name));
  const planned = new Set(plan.agents);
  const late = [...parts.keys()].filter((name) => !planned.has(name)).sort();
  return [...plan.agents, ...late].map((agent, place) => {
    const part = parts.get(agent);
    const isWorking = state.working.some((one) => one.agent === agent);
    const waits = up.has(agent) ? 'WAITING' : 'AWAY';
    return {
      agent,
      state: part?.state ?? (isWorking ? 'APPLYING' : waits),
      canary: place < plan.canaries,
      from_revision: part?.from_revision ?? 0,
      revision: part?.revision ?? 0,
      why: part?.why ?? '',
    };
  });
}

const partColours: Readonly<Record<string, Colour>> = {
  APPLIED: 'green',
  RETURNED: 'yellow',
  APPLYING: 'cyan',
  RETURNING: 'cyan',
  WAITING: 'dim',
  AWAY: 'dim',
};

const partColumns: readonly Column<PartRow>[] = [
  { title: 'AGENT', cell: ({ agent, canary }) => (canary ? `${agent} (canary)` : agent), whole: true },
  { title: 'STATE', cell: ({ state }) => state, colour: ({ state }) => partColours[state] ?? 'red' },
  { title: 'REVISION', cell: revisions },
  { title: 'WHY', cell: ({ why }) => why },
];

function revisions({ from_revision: from, revision, state }: PartRow): string {
  if (state === 'WAITING' || state === 'AWAY' || from + revision === 0) return '';
  return revision === 0 ? String(from) : `${from} → ${revision}`;
}

/** How many of the plan's agents have it. */
export function doneOf({ state }: Rollout): number {
  return countMarks(state.applied);
}

export function haltLine({ state: { halt } }: Rollout): string {
  return halt === undefined ? '' : `${halt.agent}: ${halt.result}: ${halt.why}`;
}

export function rolloutText(look: Look, style: Style): string {
  const { rollout } = look;
  const { plan, state } = rollout;
  const seconds = (ms: number): string => `${ms / 1000}s`;
  return `${card(
    [
      ['rollout', plan.id],
      ['unit', plan.unit],
      ['phase', state.phase, phaseColours[state.phase]],
      ['halted by', haltLine(rollout), 'red'],
      ['agents', selectorText(rollout)],
      ['done', `${doneOf(rollout)}/${plan.agents.length}`],
      ['how', `canary ${plan.canaries}, max unavailable ${plan.max_unavailable}, pause ${seconds(plan.pause_ms)}`],
      ['reason', plan.reason],
      ['made', new Date(plan.time_ms).toISOString()],
      ['until', new Date(plan.expire_ms).toISOString()],
      ['trace', plan.trace_id],
    ],
    style,
  )}\n${table(partColumns, partRows(look), style)}`;
}

export function selectorText({ plan: { selector } }: Rollout): string {
  return [selector.agents.join(','), selector.labels].filter((part) => part !== '').join(' ') || 'all';
}

export const rolloutColumns: readonly Column<Rollout>[] = [
  { title: 'ROLLOUT', cell: ({ plan }) => plan.id, whole: true },
  { title: 'UNIT', cell: ({ plan }) => plan.unit },
  { title: 'PHASE', cell: ({ state }) => state.phase, colour: ({ state }) => phaseColours[state.phase] },
  { title: 'DONE', cell: (rollout) => `${doneOf(rollout)}/${rollout.plan.agents.length}` },
  { title: 'AGENTS', cell: selectorText },
  { title: 'MADE', cell: ({ plan }) => new Date(plan.time_ms).toISOString() },
  { title: 'HALTED BY', cell: haltLine, colour: () => 'red' },
];

/** For programs: the plan without its list of agents, where it stands, and each agent's part. */
export function rolloutJson(look: Look): object {
  const { plan, state, order } = look.rollout;
  const { agents, ...rest } = plan;
  const { applied, failed, back, ...standing } = state;
  return { ...rest, state: standing, last_order: order, agents: partRows(look) };
}
