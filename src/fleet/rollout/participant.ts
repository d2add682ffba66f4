import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Journal } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { within } from '../../kernel/within.ts';
import type { FleetSettings } from '../../settings/types.ts';
import type { Store } from '../../store/index.ts';
import type { Logger, Metrics } from '../../telemetry/types.ts';
import type { Link } from '../link.ts';
import type { FleetCall } from '../rpc.ts';
import { compileSelector } from '../selector.ts';
import type { Subjects } from '../subjects.ts';
import { followed, keys, openBucket } from './bucket.ts';
import { followBucket } from './follow.ts';
import { eventOfPart } from './news.ts';
import { openParts } from './parts.ts';
import { createOpener } from './sealed.ts';
import { createSteps } from './steps.ts';
import type { Part, Plan } from './types.ts';
import { createView, type Refusal, type View } from './view.ts';
import { createWork } from './work.ts';

const retryMs = 3000;
/** What is under way at the end is taken back by the units' own ending; this is not waited for longer. */
const stopMs = 2000;

export interface ParticipantOptions {
  readonly settings: FleetSettings;
  readonly subjects: Subjects;
  readonly link: Link;
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly journal: Pick<Journal, 'emit'>;
  /** Serves a call through the gate of every other transport. */
  readonly serve: (call: FleetCall) => void;
  /** Revision of a unit's config in effect, 0 where it has none; undefined where there is no such unit. */
  readonly configRevision: (unit: string) => number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A rollout that stands still because of this agent. */
export interface HaltedRollout {
  readonly rollout: string;
  readonly unit: string;
  readonly why: string;
  readonly traceId: string;
}

export interface Participant {
  /** As it was read last. */
  halted(): readonly HaltedRollout[];
  start(): void;
  stop(): Promise<void>;
}

/**
 * The agent's part in rollouts. Nobody drives one: each agent follows the bucket, and takes one of the places that the plan allows when it is its
 * turn, by compare-and-set on the state that all share. So whoever started it may vanish, and an agent that comes late finds what is wanted of it.
 */
export async function createParticipant(options: ParticipantOptions): Promise<Participant> {
  const { settings, subjects, link, store, journal, configRevision, clock, logger, metrics } = options;
  const { name: agent, labels, prefix } = settings;
  const parts = await openParts(store);
  const counted = metrics.counter('sboxagent_fleet_rollout_results_total');
  const refusals = metrics.counter('sboxagent_fleet_rollout_refused_total');
  const ending = new AbortController();
  let ended: Promise<void> | undefined;
  let view: View | undefined;

  /** Whether this agent is chosen by a plan: neither changes. */
  const chosen = new WeakMap<Plan, boolean>();
  const isChosen = (plan: Plan): boolean => {
    const known = chosen.get(plan);
    if (known !== undefined) return known;
    const compiled = compileSelector(plan.selector);
    const isOne = compiled.ok && compiled.selects({ name: agent, labels });
    chosen.set(plan, isOne);
    return isOne;
  };
  const isMeant = (plan: Plan): boolean => isChosen(plan) && configRevision(plan.unit) !== undefined;
  /** Follows the bucket for as long as the connection lasts. */
  const session = async (connection: NatsConnection): Promise<void> => {
    const bucket = await openBucket(connection, subjects.rollouts);
    const refuse = ({ reason, why, rollout, claimed }: Refusal): void => {
      refusals.add(1, { reason });
      logger.warn({ rollout, problem: why }, 'something of a rollout is not taken');
      if (claimed === undefined || claimed.id !== rollout || !isMeant(claimed)) return;
      const part = refusedPart(claimed, why, Math.round(clock.wallMs()));
      journal.emit(eventOfPart(claimed, part, agent));
      // For whoever looks: it makes nobody do anything.
      bucket.put(keys.part(rollout, agent), JSON.stringify(part)).catch(() => {});
    };
    const seen = createView({ open: createOpener(settings.keys), prefix, refuse });
    view = seen;
    const perform = createSteps({ ...options, agent, bucket, parts, counted, signal: ending.signal });
    const work = createWork({ agent, view: seen, parts, perform, isMeant, isReached: link.isUp, clock, logger });
    const manager = await jetstreamManager(connection, { checkAPI: false });
    try {
      await followBucket({
        ...{ connection, manager, bucketName: subjects.rollouts, below: followed, clock, signal: ending.signal },
        take: seen.take,
        // Before all that is there has been read, the newest plan may be missing.
        whole() {
          link.note('rollouts', '');
          work.kick();
        },
      });
    } finally {
      await work.stop();
    }
  };
  const follow = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        await session(await link.connected(ending.signal));
      } catch (error) {
        if (ending.signal.aborted) return;
        const problem = error instanceof Error ? error.message : String(error);
        if (link.isUp()) link.note('rollouts', `rollouts are not followed: ${problem}`);
      }
      await clock.sleep(retryMs, ending.signal).catch(() => {});
    }
  };
  return {
    halted: () =>
      (view?.all() ?? []).flatMap(({ plan, state }) => {
        if (plan === undefined || state?.phase !== 'HALTED' || state.halt?.agent !== agent) return [];
        const { id: rollout, unit, trace_id: traceId } = plan.body;
        return [{ rollout, unit, why: state.halt.why, traceId }];
      }),
    start() {
      // Without a key nobody could be obeyed.
      if (settings.keys.length > 0) ended ??= follow();
    },
    async stop() {
      ending.abort();
      if (ended !== undefined) await within(clock, stopMs, ended);
    },
  };
}

function refusedPart({ id, unit, generation }: Plan, why: string, nowMs: number): Part {
  return {
    ...{ rollout: id, unit, generation, order: 0, attempt: 0, state: 'REFUSED', from_revision: 0, revision: 0 },
    ...{ why, time_ms: nowMs },
  };
}
