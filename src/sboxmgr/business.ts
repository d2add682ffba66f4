import type { Journal, Json, StoredEvent } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { ownSource } from '../kernel/own-names.ts';
import type { Metrics } from '../telemetry/index.ts';

/** Event types that say that a subscription was worked through, or a configuration made, once it went well. */
const subscriptionTypes = new Set(['subscription.processed', 'subscription.fetched', 'subscription.update_completed']);
const configTypes = new Set(['config.generated']);
const errorTypes = new Set(['error.occurred', 'plugin.error', 'service.failed']);
/** Types whose durations are the time that the work took. */
const timedFamilies = /^(?:subscription|config)\./;

/** `config.generated` arrives twice, started and completed: it counts when it is done. */
const underWay = new Set(['started', 'pending', 'in_progress', 'running']);
const failures = new Set(['failed', 'failure', 'error']);

const durations: readonly (readonly [string, number])[] = [
  ['duration_seconds', 1],
  ['duration_ms', 0.001],
  ['processing_time_ms', 0.001],
  ['generation_time_ms', 0.001],
  ['fetch_time_ms', 0.001],
  ['reload_time_ms', 0.001],
];

function outcomeOf(data: StoredEvent['data']): string {
  const status = data?.['status'];
  return typeof status === 'string' ? status.toLowerCase() : '';
}

function secondsOf(data: StoredEvent['data']): number | undefined {
  const positive = (value: Json | undefined): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;
  for (const [key, factor] of durations) {
    const value = data?.[key];
    if (positive(value)) return value * factor;
  }
  return undefined;
}

/** What an event says of sboxmgr's work. */
export interface BusinessFact {
  readonly subscriptions: 0 | 1;
  readonly configs: 0 | 1;
  readonly errors: 0 | 1;
  /** How long the work took, where the event says so. */
  readonly seconds: number | undefined;
}

const nothing: BusinessFact = { subscriptions: 0, configs: 0, errors: 0, seconds: undefined };

/** Pure. */
export function businessFactOf({ type, data }: Pick<StoredEvent, 'type' | 'data'>): BusinessFact {
  const timed = timedFamilies.test(type);
  const outcome = outcomeOf(data);
  if (underWay.has(outcome)) return nothing;
  const failed = failures.has(outcome) || data?.['success'] === false;
  return {
    subscriptions: !failed && subscriptionTypes.has(type) ? 1 : 0,
    configs: !failed && configTypes.has(type) ? 1 : 0,
    errors: errorTypes.has(type) || (timed && failed) ? 1 : 0,
    seconds: timed ? secondsOf(data) : undefined,
  };
}

/** Types that can say anything of it, for a search of the journal. */
const businessTypes = ['subscription.**', 'config.**', ...errorTypes];

/** Whether an event can say anything of it: most are told by their type alone. */
function mayBeBusiness({ type }: Pick<StoredEvent, 'type'>): boolean {
  return errorTypes.has(type) || timedFamilies.test(type);
}

/** What was counted up to a revision of the journal: what the next agent goes on from. */
export interface BusinessTotals {
  readonly revision: number;
  readonly subscriptions: number;
  readonly configs: number;
  readonly errors: number;
}

export interface BusinessOptions {
  readonly journal: Pick<Journal, 'observe' | 'list' | 'stats'>;
  readonly metrics: Metrics;
  /** Where the totals outlive the agent. */
  readonly store: { load(): Promise<BusinessTotals | undefined>; save(totals: BusinessTotals): Promise<void> };
  readonly clock: Pick<Clock, 'every'>;
}

/** What a kill may make the next start read again. */
const saveMs = 5000;
const pageSize = 1000;

/**
 * Counts what sboxmgr does by the events that say so, wherever they come from: every stored event once, also over a restart of the agent.
 * The totals go on where the last agent saved them, and what the journal holds beyond is read again; one that was published twice is stored
 * once. Resolves when that is done. Without totals (a first start) the counting begins now.
 */
export async function openBusinessMetrics({ journal, metrics, store, clock }: BusinessOptions): Promise<{ stop(): Promise<void> }> {
  const counters = {
    subscriptions: metrics.counter('sboxagent_business_subscriptions_processed_total'),
    configs: metrics.counter('sboxagent_business_configs_generated_total'),
    errors: metrics.counter('sboxagent_business_errors_total'),
  };
  const names = ['subscriptions', 'configs', 'errors'] as const;
  const seconds = metrics.histogram('sboxagent_business_processing_seconds');
  const totals = { revision: journal.stats().lastRevision, subscriptions: 0, configs: 0, errors: 0 };
  const add = (counts: Pick<BusinessTotals, (typeof names)[number]>): void => {
    for (const name of names) {
      if (counts[name] === 0) continue;
      counters[name].add(counts[name]);
      totals[name] += counts[name];
    }
  };
  const take = (event: StoredEvent): void => {
    totals.revision = Math.max(totals.revision, event.revision);
    // What the agent says of engines' configs and its own is no work of sboxmgr.
    if (event.source === ownSource) return;
    const fact = businessFactOf(event);
    add(fact);
    if (fact.seconds !== undefined) seconds.record(fact.seconds);
  };
  let followedTo: number | undefined;
  const stopObserving = journal.observe({
    stored(receipts) {
      // Until the journal was read to its end, what is stored is found there.
      if (followedTo === undefined) return;
      for (const receipt of receipts) {
        if (receipt.duplicate || receipt.revision <= followedTo) continue;
        if (mayBeBusiness(receipt)) take(receipt.event);
        else totals.revision = Math.max(totals.revision, receipt.revision);
      }
    },
  });
  const catchUp = async (): Promise<void> => {
    const kept = await store.load();
    if (kept === undefined) return;
    add(kept);
    totals.revision = Math.min(kept.revision, totals.revision);
    for (let end = false; !end; ) {
      const before = journal.stats().lastRevision;
      const page = await journal.list({ filter: { types: businessTypes }, order: 'asc', pageSize, cursor: totals.revision });
      for (const event of page.events) take(event);
      if (page.nextCursor === undefined) totals.revision = Math.max(totals.revision, before);
      end = page.nextCursor === undefined && journal.stats().lastRevision === before;
    }
  };
  // Where the disk does not let it, what was saved stays as it is for the next agent.
  const whole = await catchUp().then(
    () => true,
    () => false,
  );
  totals.revision = Math.max(totals.revision, journal.stats().lastRevision);
  followedTo = totals.revision;

  let saved = '';
  const save = async (): Promise<void> => {
    const now = JSON.stringify(totals);
    if (now === saved || !whole) return;
    // A disk that refuses it is reported by the journal; it is tried again at the next turn.
    await store.save({ ...totals }).then(
      () => (saved = now),
      () => undefined,
    );
  };
  await save();
  const cancel = clock.every(saveMs, () => void save());
  return {
    async stop() {
      cancel();
      stopObserving();
      await save();
    },
  };
}
