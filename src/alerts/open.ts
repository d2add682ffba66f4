import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { ownSource } from '../kernel/own-names.ts';
import type { AlertRuleSettings, WebhookSettings } from '../settings/types.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger, MetricReader, Metrics, Sample, Spans } from '../telemetry/types.ts';
import type { Loaded } from './alert-procedures.ts';
import { type Book, createBook } from './book.ts';
import type { Fetch } from './delivery.ts';
import { createEvaluator } from './evaluator.ts';
import { createEventReader } from './event-reader.ts';
import { createManager } from './manager.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { createRuleSet } from './rule-set.ts';
import { runbookOf } from './runbook.ts';
import { createSoon } from './soon.ts';
import type { Alerts, BuiltInRule } from './types.ts';

export interface AlertsSettings {
  readonly rules: readonly AlertRuleSettings[];
  readonly webhooks: readonly WebhookSettings[];
  /** The address below which the runbooks are. */
  readonly runbooks: string;
}

export interface AlertsOptions {
  readonly store: OpenStore;
  readonly journal: Journal;
  readonly metrics: Metrics & MetricReader;
  readonly spans?: Spans;
  readonly builtIn: readonly BuiltInRule[];
  readonly settings: AlertsSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Said to webhooks. Default: nothing. */
  readonly agentName?: string;
  /** Source of the alerts' events. Default `sboxagent`. */
  readonly source?: string;
  readonly fetch?: Fetch;
  /** What fired before a start is given this long to be found again. Default 5 s. */
  readonly settleMs?: number;
  /** 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
}

export interface OpenAlerts extends Alerts {
  /** Begins to ask the rules, and sends again what fires. Idempotent. */
  start(): void;
  /** Alerts of rules that are gone are resolved. */
  setSettings(settings: AlertsSettings): void;
  /** What was not delivered stays owed in the store. Idempotent. */
  stop(): Promise<void>;
}

const lookEveryMs = 1000;
/** After an event that a rule counts the rules are asked at once, in a storm of them this often. */
const soonMs = 100;

/** Reads the alerts that are kept; nothing is asked or sent before `start`. */
export async function openAlerts(options: AlertsOptions): Promise<OpenAlerts> {
  const { store, journal, metrics, builtIn, clock, logger, settleMs = 5000, source = ownSource } = options;
  const loaded = await store.read<Loaded>('alerts', 'load', undefined);
  const book = createBook(loaded.rows);
  const rules = createRuleSet(metrics);
  let settings = options.settings;
  rules.replace(settings.rules);
  const soon = createSoon(() => manager.kick(), soonMs, clock);
  const reader = createEventReader({ journal, rules, clock, logger, counted: soon.ask });
  const { start: settle, evaluate } = createEvaluator({ builtIn, rules, reader, book, clock, logger, settleMs });
  const notifier = openNotifier({ ...options, book, runbookOf: (rule) => runbookOf(rule, { ...settings, builtIn }) });
  const refusals = metrics.counter('sboxagent_limit_refused_total');
  const manager = createManager({
    ...{ book, store, journal, source, clock, logger, evaluate },
    refused: () => refusals.add(1, { limit: 'alerts' }),
    wantedBy: notifier.wantedBy,
    changed: notifier.changed,
  });
  metrics.observe('sboxagent_alerts_firing', { kind: 'gauge' }, () => firingByRule(book, [...builtIn, ...settings.rules]));
  let stopTicking: (() => void) | undefined;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopTicking?.();
    soon.stop();
    await Promise.all([reader.stop(), manager.stop()]);
    await notifier.stop();
  };
  const webhooks = (): void => {
    notifier.replace(settings.webhooks);
    const names = settings.webhooks.map(({ name }) => name);
    store.write('alerts', 'webhooks', names).catch((error: unknown) => logger.debug({ err: error }, 'webhooks that are gone stay owed'));
  };
  return {
    list: book.list,
    acknowledge: manager.acknowledge,
    onChange: manager.onChange,
    health: notifier.health,
    start() {
      if (stopTicking || stopped) return;
      settle();
      reader.refresh();
      webhooks();
      resume(notifier, book, loaded);
      stopTicking = clock.every(lookEveryMs, manager.kick);
      manager.kick();
    },
    setSettings(next) {
      settings = next;
      rules.replace(next.rules);
      if (!stopTicking || stopped) return;
      reader.refresh();
      webhooks();
      manager.kick();
    },
    stop: () => (stopped ??= stop()),
  };
}

function openNotifier(options: AlertsOptions & { readonly book: Book; readonly runbookOf: (rule: string) => string }): Notifier {
  const { store, book, runbookOf, clock, logger, metrics, spans, agentName = '', fetch = globalThis.fetch, random = Math.random } = options;
  return createNotifier({
    ...{ clock, logger, metrics, spans, agentName, runbookOf, fetch, random },
    firing: () => [...book.firing.values()].map(({ view }) => view),
    settled: (webhook, ids) => {
      // Were it lost, the webhook would hear of it once more after a restart.
      store.write('alerts', 'settled', { webhook, ids }).catch(() => {});
    },
  });
}

/** What webhooks had not heard of when the agent stopped. */
function resume(notifier: Notifier, book: Book, { owed }: Loaded): void {
  for (const { webhook, id } of owed) {
    const view = book.get(id)?.view;
    if (view) notifier.put(webhook, view);
  }
}

function firingByRule(book: Book, rules: readonly { readonly name: string }[]): readonly Sample[] {
  const counts = new Map(rules.map(({ name }) => [name, 0]));
  for (const { view } of book.firing.values()) counts.set(view.rule, (counts.get(view.rule) ?? 0) + 1);
  return [...counts].map(([rule, value]) => ({ value, labels: { rule } }));
}
