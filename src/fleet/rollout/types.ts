import type { AgentSelector } from '../selector.ts';

/** What an operator wants: one config for one unit of the agents that are meant. Signed, and never changed. */
export interface Plan {
  /** ULID. */
  readonly id: string;
  /** Of the fleet, so that a plan is good in no other one. */
  readonly prefix: string;
  readonly unit: string;
  /** Rises with every plan for the unit: an agent takes no plan that is older than the last one it took. */
  readonly generation: number;
  readonly selector: AgentSelector;
  /** Those that the selector matched when it was made: canaries first, then the others that were there, then those that were away. */
  readonly agents: readonly string[];
  /** So many of `agents` go before all others. */
  readonly canaries: number;
  /** So many of `agents` were there: the rollout is complete with them. Who was away is brought to it when it comes. */
  readonly present: number;
  /** At most so many agents apply at once. */
  readonly max_unavailable: number;
  /** How long a place rests after an agent is done, before the next one takes it. */
  readonly pause_ms: number;
  /** An agent that has not ended its part by then halts the rollout. */
  readonly deadline_ms: number;
  /** Hex; of the config's bytes. */
  readonly content_sha256: string;
  readonly reason: string;
  /** Shared by the applies of all agents. */
  readonly trace_id: string;
  readonly time_ms: number;
  /** From then on no agent begins to apply it. */
  readonly expire_ms: number;
}

/** `resume`: a halted rollout goes on. `abort`: nobody begins any more. `rollback`: who applied it goes back to the revision of before. */
export const verbs = ['resume', 'abort', 'rollback'] as const;
export type Verb = (typeof verbs)[number];

/** What an operator wants with a rollout that is under way. Signed. */
export interface Order {
  readonly rollout: string;
  readonly prefix: string;
  /** From 1, one more each time: an agent takes no order twice, and none that is older than the last. */
  readonly sequence: number;
  readonly verb: Verb;
  /** With `resume`: agents where it failed stay as they are, and are not waited for. */
  readonly skip_failed: boolean;
  readonly time_ms: number;
}

export const phases = ['RUNNING', 'HALTED', 'ABORTED', 'COMPLETED', 'ROLLING_BACK', 'ROLLED_BACK'] as const;
export type Phase = (typeof phases)[number];

/** Why a rollout stands still. */
export interface Halt {
  readonly agent: string;
  /** As `Outcome.result`, or `OVERDUE`. */
  readonly result: string;
  readonly why: string;
  readonly time_ms: number;
}

/** Where a rollout stands, as all its agents share it: changed by compare-and-set alone. Small, since every agent reads every change. */
export interface RolloutState {
  readonly phase: Phase;
  /** Newest order that is taken into account; 0 = none. */
  readonly order: number;
  readonly skip_failed: boolean;
  /** Agents that change their config at this moment: at most `max_unavailable`. */
  readonly working: readonly { readonly agent: string; readonly since_ms: number }[];
  /** Until when each place rests that an agent has left. */
  readonly resting: readonly number[];
  /** From when on others than canaries may begin. */
  readonly open_ms: number;
  /** Marks over `Plan.agents`, in base64: it runs there; it failed there; it was taken back there by order. */
  readonly applied: string;
  readonly failed: string;
  readonly back: string;
  readonly halt: Halt | undefined;
  readonly start_ms: number;
  readonly time_ms: number;
}

/** What became of a rollout at one agent. `REJECTED`: refused before anything was touched; `STUCK`: by order it should go back, and could not. */
export const results = ['APPLIED', 'REJECTED', 'ROLLED_BACK', 'FAILED', 'RETURNED', 'STUCK', 'REFUSED'] as const;
export type OutcomeResult = (typeof results)[number];

/** The rollout is halted by these; an order to go on may have it tried again. */
export const failedResults: ReadonlySet<string> = new Set<OutcomeResult>(['REJECTED', 'ROLLED_BACK', 'FAILED']);

export interface Outcome {
  readonly result: OutcomeResult;
  /** What the agent or its engine said; empty where it went well. Free of secrets. */
  readonly why: string;
}

/** What an agent itself knows of its part, in its own store; what it says of it in the bucket is a copy. */
export interface Part {
  readonly rollout: string;
  readonly unit: string;
  readonly generation: number;
  /** Newest order that was in force when it was written. */
  readonly order: number;
  /** Attempts that led to nothing, so that the next one is a request of its own. */
  readonly attempt: number;
  /** `APPLYING`, `RETURNING`: begun, and not known to be over. */
  readonly state: 'APPLYING' | 'RETURNING' | OutcomeResult;
  /** Revision of the unit's config before the rollout; 0 = it had none. */
  readonly from_revision: number;
  /** Revision that it has by the rollout; 0 = none. */
  readonly revision: number;
  readonly why: string;
  readonly time_ms: number;
}
