import { severities } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { WebhookSettings } from '../settings/types.ts';
import type { Logger, Metrics, Spans } from '../telemetry/types.ts';
import type { Fetch } from './delivery.ts';
import type { Alerts, AlertView } from './types.ts';
import { type NotifyResult, notifyResults, startWebhook, type Webhook } from './webhook.ts';

/** How often Alertmanager is told again of what fires: it forgets what it does not hear of. */
const againEveryMs = 60_000;

export interface NotifierOptions {
  readonly agentName: string;
  /** The address of the page that says what to do about alerts of a rule. */
  readonly runbookOf: (rule: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spans?: Spans | undefined;
  readonly fetch: Fetch;
  readonly random: () => number;
  /** What fires now. */
  readonly firing: () => readonly AlertView[];
  /** Nothing more will be tried to tell this webhook of the end of these. */
  readonly settled: (webhook: string, ids: readonly string[]) => void;
}

export interface Notifier {
  /** Webhooks that stay the same keep what waits; new ones are told of what fires, changed ones also of what they had not heard. */
  replace(settings: readonly WebhookSettings[]): void;
  wantedBy(view: AlertView): readonly string[];
  changed(views: readonly AlertView[]): void;
  /** One webhook alone. */
  put(webhook: string, view: AlertView): void;
  health(): ReturnType<Alerts['health']>;
  stop(): Promise<void>;
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { clock, metrics, firing } = options;
  const counter = metrics.counter('sboxagent_alert_notifications_total');
  let webhooks = new Map<string, Webhook>();
  const stopping = new Set<Promise<void>>();
  let stopped = false;
  const end = (webhook: Webhook): void => {
    const done = webhook.stop().finally(() => stopping.delete(done));
    stopping.add(done);
  };
  const start = (settings: WebhookSettings, before: Webhook | undefined): Webhook => {
    const { name } = settings;
    const settled = (views: readonly AlertView[], result: NotifyResult): void => {
      counter.add(views.length, { webhook: name, result });
      const ended = views.filter(({ state }) => state === 'RESOLVED').map(({ id }) => id);
      if (ended.length > 0) options.settled(name, ended);
    };
    for (const result of notifyResults) counter.add(0, { webhook: name, result });
    const webhook = startWebhook({ ...options, settings, settled });
    const ended = before?.waiting().filter(({ state }) => state === 'RESOLVED') ?? [];
    for (const view of [...ended, ...firing()]) if (wants(settings, view)) webhook.put(view);
    return webhook;
  };
  const again = (): void => {
    for (const webhook of webhooks.values()) {
      if (webhook.settings.format !== 'alertmanager') continue;
      for (const view of firing()) if (wants(webhook.settings, view)) webhook.put(view);
    }
  };
  const stopAgain = clock.every(againEveryMs, again);
  const health = healthOf(() => webhooks.values(), clock);
  return {
    replace(settings) {
      if (stopped) return;
      const known = new Map([...webhooks.values()].map((webhook) => [JSON.stringify(webhook.settings), webhook]));
      const kept = new Map(settings.map((one) => [one.name, known.get(JSON.stringify(one))]));
      for (const webhook of webhooks.values()) if (kept.get(webhook.settings.name) !== webhook) end(webhook);
      const before = webhooks;
      webhooks = new Map(settings.map((one) => [one.name, kept.get(one.name) ?? start(one, before.get(one.name))]));
    },
    wantedBy: (view) => [...webhooks.values()].filter(({ settings }) => wants(settings, view)).map(({ settings }) => settings.name),
    changed(views) {
      for (const webhook of webhooks.values()) for (const view of views) if (wants(webhook.settings, view)) webhook.put(view);
    },
    put: (name, view) => webhooks.get(name)?.put(view),
    health,
    async stop() {
      stopped = true;
      stopAgain();
      for (const webhook of webhooks.values()) end(webhook);
      await Promise.all(stopping);
    },
  };
}

function wants({ minSeverity }: WebhookSettings, { severity }: AlertView): boolean {
  return severities.indexOf(severity) >= severities.indexOf(minSeverity);
}

function healthOf(webhooks: () => Iterable<Webhook>, clock: Clock): Notifier['health'] {
  let sinceMs = clock.wallMs();
  let status: 'HEALTHY' | 'DEGRADED' = 'HEALTHY';
  return () => {
    const troubled = [...webhooks()].flatMap((webhook) => {
      const trouble = webhook.trouble();
      return trouble === undefined ? [] : [`webhook ${JSON.stringify(webhook.settings.name)}: ${trouble}`];
    });
    const now = troubled.length > 0 ? 'DEGRADED' : 'HEALTHY';
    if (now !== status) sinceMs = clock.wallMs();
    status = now;
    return { status, message: troubled.slice(0, 10).join('; '), sinceMs };
  };
}
