import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AlertsOptions, type BuiltInRule, type Finding, type OpenAlerts, openAlerts } from '../../src/alerts/index.ts';
import { type OpenJournal, openJournal, type StoredEvent } from '../../src/events/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { WebhookSettings } from '../../src/settings/types.ts';
import type { OpenStore } from '../../src/store/index.ts';
import type { MetricReader, Metrics, Sample } from '../../src/telemetry/types.ts';
import { metricsFake, openTestStore, silentLogger } from './event-room.ts';

/** Where runbooks are said to be. */
export const runbooks = 'https://example.org/runbooks';

export interface FakeClock extends Clock {
  /** Runs what is due on the way. */
  advance(ms: number): void;
  jump(ms: number): void;
  timers(): number;
}

/** Stands still unless it is moved; the wall clock and the monotonic one apart. */
export function fakeClock(): FakeClock {
  let mono = 1000;
  let offset = Date.UTC(2026, 0, 1);
  const timers = new Set<{ at: number; fn: () => void }>();
  const after = (ms: number, fn: () => void): (() => void) => {
    const timer = { at: mono + ms, fn };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    wallMs: () => mono + offset,
    monotonicMs: () => mono,
    after,
    every(ms, fn) {
      let cancel = (): void => {};
      const next = (): void => {
        cancel = after(ms, () => {
          next();
          fn();
        });
      };
      next();
      return () => cancel();
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const cancel = after(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason);
        });
      }),
    advance(ms) {
      const until = mono + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        mono = Math.max(mono, next.at);
        next.fn();
      }
      mono = until;
    },
    jump(ms) {
      offset += ms;
    },
    timers: () => timers.size,
  };
}

/** Metrics whose samples a test sets. */
export function readableMetrics(): { metrics: Metrics & MetricReader; value: (key: string) => number; samples: Map<string, Sample[]> } {
  const { metrics, value } = metricsFake();
  const samples = new Map<string, Sample[]>();
  return { metrics: { ...metrics, current: (name) => samples.get(name) ?? [] }, value, samples };
}

/** A built-in rule whose findings a test sets. */
export function settableRule(name = 'plugin_unhealthy'): BuiltInRule & { now: Finding[] } {
  const rule = { name, severity: 'ERROR' as const, now: [] as Finding[], findings: () => rule.now };
  return rule;
}

export interface AlertRoom {
  readonly alerts: OpenAlerts;
  readonly store: OpenStore;
  readonly journal: OpenJournal;
  readonly clock: FakeClock;
  readonly rule: ReturnType<typeof settableRule>;
  readonly value: (key: string) => number;
  readonly samples: Map<string, Sample[]>;
  /** Lets a second pass, and waits until the step is done. */
  tick(ms?: number): Promise<void>;
  /** The `alert.*` events in the journal: type, rule and subject. */
  told(): Promise<string[]>;
  events(): Promise<readonly StoredEvent[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type AlertRoomOptions = {
  readonly dir: string;
  readonly begin?: boolean;
  /** Puts a store that fails in front of the real one. */
  readonly wrap?: (store: OpenStore) => OpenStore;
} & Partial<AlertsOptions> & { readonly clock?: FakeClock };

/** The alerts on a real store and journal, under a clock of their own. */
export async function openAlertRoom(options: AlertRoomOptions): Promise<AlertRoom> {
  const clock = options.clock ?? fakeClock();
  const { metrics, value, samples } = readableMetrics();
  const store = await openTestStore({ dir: options.dir, metrics });
  const journal = await openJournal({
    store,
    retention: { ageMs: 7 * 86_400_000, bytes: 1 << 28, count: 100_000 },
    redact: { enabled: true, names: ['password'] },
    clock: systemClock,
    logger: silentLogger,
    metrics,
  });
  const rule = settableRule();
  const alerts = await openAlerts({
    ...{ store: options.wrap?.(store) ?? store, journal, metrics, logger: silentLogger, random: () => 0 },
    builtIn: [rule],
    settings: { rules: [], webhooks: [], runbooks },
    ...options,
    clock,
  });
  if (options.begin !== false) alerts.start();
  const events = async (): Promise<readonly StoredEvent[]> => {
    const all: StoredEvent[] = [];
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const page: Awaited<ReturnType<typeof journal.list>> = await journal.list({
        ...{ filter: { types: ['alert.*'] }, order: 'asc', pageSize: 1000, cursor },
      });
      all.push(...page.events);
      cursor = page.nextCursor;
    }
    return all;
  };
  return {
    ...{ alerts, store, journal, clock, rule, value, samples, events },
    async tick(ms = 1000) {
      // What came just before is written and read first: an acknowledgement of nothing waits for the step.
      await alerts.acknowledge('', '', '').catch(() => {});
      clock.advance(ms);
      await alerts.acknowledge('', '', '').catch(() => {});
    },
    told: async () => (await events()).map(({ type, data }) => `${type} ${data?.['rule']} ${data?.['subject']}`),
    async [Symbol.asyncDispose]() {
      await alerts.stop();
      await journal.stop();
      await store.stop();
    },
  };
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

export interface Receiver {
  readonly url: string;
  readonly posts: Received[];
  /** How the next posts are answered; the last stays. Default 200. */
  answer: (response: ServerResponse, n: number) => void;
  /** Alerts of all posts as `state subject`. */
  alerts(): string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A real HTTP server that keeps what it is sent. */
export async function receiver({ clock = systemClock, port = 0 }: { clock?: Clock; port?: number } = {}): Promise<Receiver> {
  const posts: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      posts.push({ path: request.url ?? '', headers: request.headers, body, atMs: clock.monotonicMs() });
      it.answer(response, posts.length);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const it: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    answer: (response) => response.end('ok'),
    alerts: () =>
      posts.flatMap(({ body }) => {
        const { alerts } = JSON.parse(body) as { alerts: { state: string; subject: string }[] };
        return alerts.map(({ state, subject }) => `${state} ${subject}`);
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return it;
}

export function webhook(url: string, over: Partial<WebhookSettings> = {}): WebhookSettings {
  return { name: 'ops', url, format: 'json', secret: undefined, minSeverity: 'INFO', timeoutMs: 2000, ...over };
}

/** Lets time pass on a fake clock, in small steps and with room for real sockets between them, until `fn` holds. */
export async function passing(
  clock: FakeClock,
  fn: () => boolean | Promise<boolean>,
  { mostMs = 600_000, stepMs = 100 }: { readonly mostMs?: number; readonly stepMs?: number } = {},
): Promise<void> {
  const until = clock.monotonicMs() + mostMs;
  while (!(await fn())) {
    if (clock.monotonicMs() >= until) throw new Error(`not within ${mostMs} ms: ${fn}`);
    clock.advance(stepMs);
    for (let n = 0; n < 3; n++) await systemClock.sleep(1);
  }
}

/** The same for a time, whatever happens in it. */
export async function pass(clock: FakeClock, ms: number, stepMs = 100): Promise<void> {
  const until = clock.monotonicMs() + ms;
  await passing(clock, () => clock.monotonicMs() >= until, { mostMs: ms + 1000, stepMs });
}
