import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JournalOptions, type OpenJournal, openJournal, type WatchItem } from '../../src/events/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type OpenStore, openStore, type StoreOptions } from '../../src/store/index.ts';
import type { Labels, Logger, Metrics } from '../../src/telemetry/types.ts';

export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLogger,
};

/** Counts by name and the values of the labels: `sboxagent_events_dropped_total{refused}`. */
export function metricsFake(): { readonly metrics: Metrics; readonly value: (key: string) => number } {
  const values = new Map<string, number>();
  const observed = new Map<string, () => readonly { readonly value: number }[]>();
  const keyOf = (name: string, labels: Labels = {}): string => `${name}{${Object.values(labels).join()}}`;
  const metrics: Metrics = {
    counter: (name) => ({ add: (n, labels) => void values.set(keyOf(name, labels), (values.get(keyOf(name, labels)) ?? 0) + n) }),
    histogram: () => ({ record() {} }),
    observe: (name, _, fn) => void observed.set(keyOf(name), fn),
    prometheus: () => Promise.resolve(''),
  };
  return { metrics, value: (key) => observed.get(key)?.()[0]?.value ?? values.get(key) ?? 0 };
}

/** A directory that is gone at the end of the scope. */
export function scratch(): { readonly dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-events-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface EventRoom {
  readonly store: OpenStore;
  readonly journal: OpenJournal;
  readonly value: (key: string) => number;
  [Symbol.asyncDispose](): Promise<void>;
}

export type RoomOptions = { readonly dir: string } & Partial<StoreOptions> & Partial<JournalOptions>;

/** Those of the agent. */
export const allProcedures = new URL('../../src/app/procedures.ts', import.meta.url);

export function openTestStore(options: RoomOptions): Promise<OpenStore> {
  const path = join(options.dir, 'sboxagent.db');
  return openStore({ path, durability: 'full', procedures: allProcedures, clock: systemClock, logger: silentLogger, ...options });
}

/** The journal on a real store. */
export async function openRoom(options: RoomOptions): Promise<EventRoom> {
  const { metrics, value } = metricsFake();
  const store = await openTestStore({ metrics, ...options });
  const journal = await openJournal({
    store,
    retention: { ageMs: 7 * 86_400_000, bytes: 1 << 28, count: 1_000_000 },
    redact: { enabled: true, names: ['password', 'secret', 'token', 'authorization', 'private_key'] },
    clock: systemClock,
    logger: silentLogger,
    metrics,
    ...options,
  });
  return {
    store,
    journal,
    value,
    async [Symbol.asyncDispose]() {
      await journal.stop();
      await store.stop();
    },
  };
}

/** Follows a watch until it is stopped, and keeps all that it was told. */
export function follow(
  journal: OpenJournal,
  options: Partial<Parameters<OpenJournal['watch']>[0]> & { readonly pauseMs?: number } = {},
): { readonly items: WatchItem[]; ids(): string[]; revisions(): number[]; cursor(): number; stop(): Promise<void> } {
  const ending = new AbortController();
  const items: WatchItem[] = [];
  const events = () => items.flatMap((item) => (item.kind === 'events' ? item.events : []));
  const done = (async () => {
    for await (const item of journal.watch({ progressEveryMs: 1000, signal: ending.signal, ...options })) {
      items.push(item);
      if (options.pauseMs !== undefined) await systemClock.sleep(options.pauseMs);
    }
  })();
  return {
    items,
    ids: () => events().map((event) => event.id),
    revisions: () => events().map((event) => event.revision),
    cursor: () => items.at(-1)?.revision ?? options.afterRevision ?? 0,
    async stop() {
      ending.abort();
      await done;
    },
  };
}

/** Waits until `fn` holds; throws after `ms`, which is long enough for a machine that does much else. */
export async function eventually(fn: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const until = systemClock.monotonicMs() + ms;
  while (!(await fn())) {
    if (systemClock.monotonicMs() > until) throw new Error(`not within ${ms} ms: ${fn}`);
    await systemClock.sleep(5);
  }
}
