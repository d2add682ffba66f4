import type { Journal, Json, StoredEvent } from '../events/index.ts';
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

/** Counts what sboxmgr does by the events that tell it, wherever they come from. */
export function createBusinessMetrics(metrics: Metrics): (event: StoredEvent) => void {
  const subscriptions = metrics.counter('sboxagent_business_subscriptions_processed_total');
  const configs = metrics.counter('sboxagent_business_configs_generated_total');
  const errors = metrics.counter('sboxagent_business_errors_total');
  const seconds = metrics.histogram('sboxagent_business_processing_seconds');
  return ({ type, data }) => {
    const timed = timedFamilies.test(type);
    const outcome = outcomeOf(data);
    if (underWay.has(outcome)) return;
    const failed = failures.has(outcome) || data?.['success'] === false;
    if (errorTypes.has(type) || (timed && failed)) errors.add(1);
    if (!failed && subscriptionTypes.has(type)) subscriptions.add(1);
    if (!failed && configTypes.has(type)) configs.add(1);
    const took = timed ? secondsOf(data) : undefined;
    if (took !== undefined) seconds.record(took);
  };
}

/** Counts what is published: every stored event once, one that was stored before not at all. Answers how to stop. */
export function countBusiness(journal: Pick<Journal, 'observe'>, metrics: Metrics): () => void {
  const count = createBusinessMetrics(metrics);
  return journal.observe({
    stored(receipts) {
      for (const { event, duplicate } of receipts) if (!duplicate) count(event);
    },
  });
}
