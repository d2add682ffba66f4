import { may, type Principal } from '../../kernel/principal.ts';
import type { BucketEntry } from './follow.ts';
import type { createOpener } from './sealed.ts';
import { parseOrder, parsePlan, parseState } from './shapes.ts';
import type { Order, Plan, RolloutState } from './types.ts';

/** Rollouts that an agent follows at once; what is over it is not followed, and counted. */
export const mostRollouts = 500;

export interface Vouched<T> {
  readonly body: T;
  /** Whose signature it has. */
  readonly principal: Principal;
}

/** A rollout as the bucket has it at this moment. */
export interface Seen {
  readonly id: string;
  plan: Vouched<Plan> | undefined;
  order: Vouched<Order> | undefined;
  state: RolloutState | undefined;
}

export interface View {
  /** Newest first. */
  all(): readonly Seen[];
  take(entry: BucketEntry): void;
}

export interface ViewOptions {
  readonly open: ReturnType<typeof createOpener>;
  /** Of the fleet. */
  readonly prefix: string;
  /** A plan or an order that is not what it should be: said once for each text that was put. */
  readonly refuse: (refusal: Refusal) => void;
}

export interface Refusal {
  readonly reason: 'unknown_key' | 'scope_missing' | 'malformed' | 'too_many';
  readonly why: string;
  readonly rollout: string;
  /** What the text claims to be, where it is a plan at all. Nobody vouches for it. */
  readonly claimed: Plan | undefined;
}

export function createView({ open, prefix, refuse }: ViewOptions): View {
  const rollouts = new Map<string, Seen>();

  const seen = (id: string): Seen | undefined => {
    const known = rollouts.get(id);
    if (known !== undefined) return known;
    if (rollouts.size >= mostRollouts) {
      refuse({ reason: 'too_many', why: `more than ${mostRollouts} rollouts are in the bucket`, rollout: id, claimed: undefined });
      return undefined;
    }
    const fresh: Seen = { id, plan: undefined, order: undefined, state: undefined };
    rollouts.set(id, fresh);
    return fresh;
  };
  const vouchedPlan = (id: string, text: string): Vouched<Plan> | undefined => {
    const opened = open('plan', text);
    const body = parsePlan(opened.payload);
    if (!opened.ok) {
      refuse({ reason: 'unknown_key', why: opened.why, rollout: id, claimed: body });
      return undefined;
    }
    if (body === undefined || body.id !== id || body.prefix !== prefix) {
      refuse({ reason: 'malformed', why: 'it is signed, and is no plan of this place', rollout: id, claimed: undefined });
      return undefined;
    }
    return { body, principal: opened.principal };
  };
  const vouchedOrder = (id: string, text: string): Vouched<Order> | undefined => {
    const opened = open('order', text);
    const refused = (reason: Refusal['reason'], why: string): undefined => {
      refuse({ reason, why, rollout: id, claimed: undefined });
      return undefined;
    };
    if (!opened.ok) return refused('unknown_key', opened.why);
    const body = parseOrder(opened.payload);
    if (body === undefined || body.rollout !== id || body.prefix !== prefix)
      return refused('malformed', 'it is signed, and is no order of this rollout');
    // What the plan does to the unit is judged by the gate; an order changes where the rollout stands.
    if (!may(opened.principal, 'config:write'))
      return refused('scope_missing', 'the key that signed the order lacks the scope config:write');
    return { body, principal: opened.principal };
  };
  return {
    all: () => [...rollouts.values()].sort((a, b) => (b.plan?.body.generation ?? 0) - (a.plan?.body.generation ?? 0)),
    take({ key, text, isThere }) {
      const [, id = '', kind] = key.split('.');
      if (!isThere && kind === 'plan') rollouts.delete(id);
      if (!isThere) return;
      const rollout = seen(id);
      if (rollout === undefined) return;
      if (kind === 'plan') rollout.plan = vouchedPlan(id, text);
      else if (kind === 'state') rollout.state = parseState(text) ?? rollout.state;
      else if (kind === 'order') {
        const order = vouchedOrder(id, text);
        // An older one that was put there again changes nothing.
        if (order !== undefined && order.body.sequence > (rollout.order?.body.sequence ?? 0)) rollout.order = order;
      }
    },
  };
}
