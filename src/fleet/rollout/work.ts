import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../telemetry/types.ts';
import { decide } from './decide.ts';
import type { Parts } from './parts.ts';
import type { Perform } from './steps.ts';
import { initialState } from './transitions.ts';
import type { Plan } from './types.ts';
import type { Seen, View } from './view.ts';

/** After something did not go through. */
const retryMs = 3000;
/** Agents ask for a free place one after the other, by their place in the plan, so that they seldom meet. */
const turns = { eachMs: 20, most: 50, spreadMs: 5000 } as const;

export interface WorkOptions {
  readonly agent: string;
  readonly view: View;
  readonly parts: Parts;
  readonly perform: Perform;
  /** Whether a plan is for this agent. */
  readonly isMeant: (plan: Plan) => boolean;
  /** That the servers are away is said elsewhere. */
  readonly isReached: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Work {
  kick(): void;
  stop(): Promise<void>;
}

/** Goes through the rollouts whenever something has changed or is due, one step after the other. Level-triggered: what it missed it finds. */
export function createWork({ agent, view, parts, perform, isMeant, isReached, clock, logger }: WorkOptions): Work {
  let running: Promise<void> | undefined;
  let again = false;
  let isStopped = false;
  let cancelTimer = (): void => {};
  /** When it is our turn to ask, by rollout, for as long as a place is free. */
  const turn = new Map<string, number>();
  const now = (): number => clock.wallMs();

  const turnMs = ({ agents }: Plan): number => {
    const place = agents.indexOf(agent);
    const inOrder = Math.min(place < 0 ? agents.length : place, turns.most) * turns.eachMs;
    return inOrder + Math.random() * Math.min(agents.length, turns.spreadMs);
  };
  /** Whether it is our turn now; else when. */
  const turnOf = (plan: Plan): number | undefined => {
    const atMs = turn.get(plan.id) ?? now() + turnMs(plan);
    turn.set(plan.id, atMs);
    if (atMs > now()) return atMs;
    turn.delete(plan.id);
    return undefined;
  };
  /** Does what can be done for one rollout. Answers when to look again. */
  const advance = async (seen: Seen, plan: Plan, isWanted: boolean): Promise<number | undefined> => {
    while (!isStopped) {
      const state = seen.state ?? initialState(plan, now());
      const step = decide({ plan, state, order: seen.order?.body, own: parts.get(plan.id), agent, isWanted, nowMs: now() });
      if (step.do !== 'begin') turn.delete(plan.id);
      if (step.do === 'wait') return step.untilMs;
      const laterMs = step.do === 'begin' ? turnOf(plan) : undefined;
      if (laterMs !== undefined) return laterMs;
      if (!(await perform(seen, plan, step.do))) return now() + (step.do === 'begin' ? turnMs(plan) : retryMs);
    }
    return undefined;
  };
  const advanceAll = async (): Promise<number | undefined> => {
    let next: number | undefined;
    const taken = new Set<string>();
    for (const seen of view.all()) {
      const plan = seen.plan?.body;
      if (plan === undefined || !isMeant(plan)) continue;
      const isNewest = !taken.has(plan.unit);
      // One that was given up does not stand in the way of the one before it.
      if (isStanding(seen)) taken.add(plan.unit);
      const isNewer = plan.generation > parts.generationOf(plan.unit) || parts.get(plan.id) !== undefined;
      const at = await advance(seen, plan, isNewest && isNewer);
      if (at !== undefined) next = Math.min(next ?? at, at);
    }
    return next;
  };
  const run = async (): Promise<void> => {
    again = false;
    cancelTimer();
    let next: number | undefined;
    try {
      next = await advanceAll();
    } catch (error) {
      if (!isStopped && isReached()) logger.warn({ err: error }, 'a rollout does not go on; it is tried again');
      next = now() + retryMs;
    }
    if (next !== undefined && !isStopped) cancelTimer = clock.after(Math.max(0, next - now()), kick);
  };
  const kick = (): void => {
    again = true;
    if (isStopped) return;
    running ??= run().finally(() => {
      running = undefined;
      if (again) kick();
    });
  };
  return {
    kick,
    async stop() {
      isStopped = true;
      cancelTimer();
      await running;
    },
  };
}

/** Whether it says what its agents should have. */
function isStanding({ state }: Seen): boolean {
  return state === undefined || state.phase === 'RUNNING' || state.phase === 'HALTED' || state.phase === 'COMPLETED';
}
