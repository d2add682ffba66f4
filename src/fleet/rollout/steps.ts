import type { KV } from '@nats-io/kv';
import type { Journal } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Counter } from '../../telemetry/types.ts';
import type { FleetCall } from '../rpc.ts';
import { changeState, keys } from './bucket.ts';
import { applyContent, type Carried, returnToBefore } from './carry-out.ts';
import type { Step } from './decide.ts';
import { eventOfPart, eventsOfChange } from './news.ts';
import type { Parts } from './parts.ts';
import { begin, finish, haltOverdue, initialState, mayApply, mayReturn, obey, release } from './transitions.ts';
import { type Part, type Plan, type RolloutState, results } from './types.ts';
import type { Seen } from './view.ts';

export interface StepsOptions {
  /** Name of this agent. */
  readonly agent: string;
  readonly bucket: KV;
  readonly parts: Parts;
  readonly journal: Pick<Journal, 'emit'>;
  readonly serve: (call: FleetCall) => void;
  readonly configRevision: (unit: string) => number | undefined;
  readonly counted: Counter;
  readonly clock: Clock;
  /** The agent stops. */
  readonly signal: AbortSignal;
}

/** Does what was decided. Answers false where it did not come about and is to be tried again later. Throws what NATS and the store throw. */
export type Perform = (seen: Seen, plan: Plan, step: Exclude<Step['do'], 'wait'>) => Promise<boolean>;

export function createSteps(options: StepsOptions): Perform {
  const { agent, bucket, parts, journal, serve, configRevision, counted, clock, signal } = options;
  const now = (): number => Math.round(clock.wallMs());

  /** Answers whether it was written. */
  const change = async (seen: Seen, plan: Plan, next: (state: RolloutState) => RolloutState): Promise<boolean> => {
    const changed = await changeState(bucket, plan.id, (found) => {
      const state = found ?? initialState(plan, now());
      const wanted = next(state);
      return wanted === state ? found : wanted;
    });
    // What others wrote meanwhile counts at once, whenever it is heard of.
    seen.state = changed.state ?? seen.state;
    if (changed.change === undefined) return false;
    for (const event of eventsOfChange(plan, changed.change)) journal.emit(event);
    return true;
  };
  const write = async (plan: Plan, part: Part): Promise<void> => {
    await parts.save(part);
    journal.emit(eventOfPart(plan, part, agent));
  };
  const publish = async (part: Part): Promise<void> => {
    await bucket.put(keys.part(part.rollout, agent), JSON.stringify(part));
  };
  const tellOthers = async (seen: Seen, plan: Plan): Promise<void> => {
    const part = parts.get(plan.id);
    const result = results.find((one) => one === part?.state);
    if (part === undefined || result === undefined) return;
    await publish(part);
    await change(seen, plan, (state) => finish(plan, state, { agent, outcome: { result, why: part.why }, nowMs: now() }));
  };
  /** Changes the unit, and writes down what came of it: before, that it is begun; afterwards, before anybody else is told. */
  const carryOut = async (seen: Seen, plan: Plan, { part, run }: Work): Promise<boolean> => {
    if (parts.get(plan.id) !== part) await write(plan, part);
    await publish(part);
    const { result, why } = await run();
    const isDone = result === 'APPLIED' || result === 'RETURNED';
    // A config that is taken back because the agent stops has not failed.
    if (result === 'POSTPONED' || (signal.aborted && !isDone)) {
      await parts.save({ ...part, attempt: part.attempt + 1 });
      return false;
    }
    const revision = isDone ? (configRevision(plan.unit) ?? 0) : part.revision;
    await write(plan, { ...part, state: result, why, revision, attempt: 0, time_ms: now() });
    counted.add(1, { result: result.toLowerCase() });
    await tellOthers(seen, plan);
    return true;
  };
  const apply = (seen: Seen, plan: Plan): Promise<boolean> => {
    const own = parts.get(plan.id);
    const { id: rollout, unit, generation } = plan;
    const part: Part =
      own?.state === 'APPLYING'
        ? own
        : {
            ...{ rollout, unit, generation, order: seen.state?.order ?? 0, attempt: 0, state: 'APPLYING', revision: 0, why: '' },
            // Also of another attempt: what failed before was taken back, and may have been changed since.
            from_revision: configRevision(unit) ?? 0,
            time_ms: now(),
          };
    return carryOut(seen, plan, { part, run: () => applyContent({ bucket, serve }, seen, part) });
  };
  const goBack = async (seen: Seen, plan: Plan): Promise<boolean> => {
    const own = parts.get(plan.id);
    if (own === undefined) return true;
    const isBegun = own.state === 'RETURNING';
    const part: Part = isBegun ? own : { ...own, state: 'RETURNING', order: seen.state?.order ?? 0, attempt: 0, time_ms: now() };
    const isChanged = configRevision(plan.unit) !== own.revision;
    return carryOut(seen, plan, { part, run: () => returnToBefore(serve, seen, { part, isBegun, isChanged }) });
  };
  /** It was begun before the agent died, and the rollout no longer wants it: whether it came about is seen by the revision. */
  const lookUp = async (seen: Seen, plan: Plan): Promise<boolean> => {
    const own = parts.get(plan.id);
    const revision = configRevision(plan.unit) ?? 0;
    if (own === undefined) return true;
    if (revision === own.from_revision) {
      await parts.drop(plan.id);
      await change(seen, plan, (state) => release(state, agent, now()));
    } else {
      await write(plan, { ...own, state: 'APPLIED', revision, time_ms: now() });
      await tellOthers(seen, plan);
    }
    return true;
  };
  const take = async (seen: Seen, plan: Plan): Promise<boolean> => {
    const own = parts.get(plan.id)?.state;
    const goesBack = own === 'APPLIED' || own === 'RETURNING';
    const may = (state: RolloutState): boolean =>
      goesBack ? mayReturn(plan, state, agent) : mayApply(plan, state, { agent, nowMs: now() }).kind === 'yes';
    return change(seen, plan, (state) => (may(state) ? begin(state, agent, now()) : state));
  };

  return async (seen, plan, step) => {
    switch (step) {
      case 'begin':
        return take(seen, plan);
      case 'apply':
        return apply(seen, plan);
      case 'return':
        return goBack(seen, plan);
      case 'look-up':
        return lookUp(seen, plan);
      case 'finish':
        await tellOthers(seen, plan);
        return true;
      case 'obey': {
        const order = seen.order?.body;
        if (order !== undefined) await change(seen, plan, (state) => obey(plan, state, { order, nowMs: now() }));
        return true;
      }
      case 'release':
        await change(seen, plan, (state) => release(state, agent, now()));
        return true;
      case 'halt-overdue':
        await change(seen, plan, (state) => haltOverdue(plan, state, now()));
        return true;
    }
  };
}

interface Work {
  readonly part: Part;
  readonly run: () => Promise<Carried>;
}
