import type { Clock } from '../kernel/clock.ts';
import type { WebhookSettings } from '../settings/types.ts';
import type { Logger, Spans } from '../telemetry/types.ts';
import { deliver, type Fetch, type Outcome } from './delivery.ts';
import { showDelivery } from './delivery-span.ts';
import { postOf } from './payload.ts';
import type { AlertView } from './types.ts';
import { createWebhookQueue } from './webhook-queue.ts';

/** What changes within this time goes in one POST. */
const groupMs = 1000;
/** Alerts of one POST. */
const batchAlerts = 100;
const firstDelayMs = 1000;
const longestDelayMs = 60_000;
const jitter = 0.2;

export const notifyResults = ['delivered', 'failed', 'dropped'] as const;
export type NotifyResult = (typeof notifyResults)[number];

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  readonly agentName: string;
  readonly runbookOf: (rule: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly spans?: Spans | undefined;
  readonly fetch: Fetch;
  readonly random: () => number;
  /** Nothing more will be tried for these. */
  readonly settled: (views: readonly AlertView[], result: NotifyResult) => void;
}

/** One receiver with its own queue and its own pace. */
export interface Webhook {
  readonly settings: WebhookSettings;
  put(view: AlertView): void;
  /** What it was not told yet. */
  waiting(): readonly AlertView[];
  /** What its last attempt said; undefined while all is well. */
  trouble(): string | undefined;
  stop(): Promise<void>;
}

export function startWebhook(options: WebhookOptions): Webhook {
  const { settings, agentName, runbookOf, clock, logger, fetch, random, settled } = options;
  const queue = createWebhookQueue();
  const ending = new AbortController();
  const { signal } = ending;
  let trouble: string | undefined;
  let running: Promise<void> | undefined;

  const attempt = async (views: readonly AlertView[]): Promise<Outcome> => {
    const shown = showDelivery(options.spans, settings, views);
    const post = () => shown.traced(postOf(settings, views, { agentName, runbookOf, nowMs: clock.wallMs() }));
    const outcome = await deliver(post, { fetch, clock, timeoutMs: settings.timeoutMs, signal });
    shown.end(outcome);
    if (signal.aborted) return outcome;
    const before = trouble;
    trouble = outcome.kind === 'delivered' ? undefined : outcome.message;
    if (before === undefined && trouble !== undefined) {
      logger.warn({ webhook: settings.name, problem: trouble, final: outcome.kind === 'refused' }, 'a webhook did not take alerts');
    }
    if (before !== undefined && trouble === undefined) logger.info({ webhook: settings.name }, 'a webhook takes alerts again');
    if (outcome.kind !== 'passing') {
      const done = new Set(queue.done(views));
      // What was delivered counts also where there is a newer word already.
      const over = outcome.kind === 'delivered' ? views : [...done];
      settled(over, outcome.kind === 'delivered' ? 'delivered' : 'failed');
    }
    return outcome;
  };
  const drain = async (): Promise<void> => {
    let failures = 0;
    await clock.sleep(groupMs, signal);
    while (queue.size() > 0 && !signal.aborted) {
      const batch = queue.batch(batchAlerts);
      const outcome = await attempt(batch);
      failures = outcome.kind === 'passing' ? failures + 1 : 0;
      if (outcome.kind === 'passing') await clock.sleep(Math.max(outcome.retryAfterMs, delayMs(failures, random)), signal);
      else if (batch.length < batchAlerts && queue.size() > 0) await clock.sleep(groupMs, signal);
    }
  };
  const kick = (): void => {
    running ??= drain()
      .catch((error: unknown) => {
        if (!signal.aborted) logger.error({ err: error, webhook: settings.name }, 'a webhook ended with an error');
      })
      .finally(() => {
        running = undefined;
        if (queue.size() > 0 && !signal.aborted) kick();
      });
  };
  return {
    settings,
    put(view) {
      if (signal.aborted) return;
      const left = queue.put(view);
      if (left) settled([left], 'dropped');
      kick();
    },
    waiting: () => queue.batch(queue.size()),
    trouble: () => trouble,
    async stop() {
      ending.abort();
      await running;
    },
  };
}

/** 1 s, 2 s … 60 s, lengthened by up to a fifth, so that many agents do not come back at once. */
export function delayMs(failures: number, random: () => number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 16)) * (1 + jitter * random());
}
