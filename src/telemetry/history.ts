import type { Clock } from '../kernel/clock.ts';
import { createRing, type Look, type Ring, slotNumbers, slotOf, type Window } from './history-ring.ts';
import type { KeptSlot, MetricFamily, MetricHistory, MetricHistoryStore, MetricSeries } from './types.ts';

/** The shortest is not kept on disk: after a restart it is soon there again. */
const windows: readonly (Window & { readonly kept: boolean })[] = [
  { windowMs: 5 * 60_000, slots: 20, kept: false },
  { windowMs: 3_600_000, slots: 30, kept: true },
  { windowMs: 24 * 3_600_000, slots: 48, kept: true },
];
const bytesPerSeries = 8 * slotNumbers * windows.reduce((all, { slots }) => all + slots, 0);
const maxBytes = 8 * 1024 * 1024;
export const maxHistorySeries = Math.floor(maxBytes / bytesPerSeries);

interface Past {
  readonly rings: readonly Ring[];
  /** The look before, and when (monotonic ms); undefined before the first of this agent. */
  before: { readonly series: MetricSeries; readonly atMs: number } | undefined;
}

export interface HistoryOptions {
  readonly snapshot: () => Promise<readonly MetricFamily[]>;
  readonly intervalMs: number;
  readonly store: MetricHistoryStore;
  readonly clock: Clock;
  /** Counts what a limit refused. */
  readonly refused: (limit: string) => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * Looks at all metrics once each interval and keeps what it sees in slots, a bounded number of bytes whatever is measured. Slots of an
 * hour and of a day go to the store when they are over, and at the end; the next agent goes on from them. Nothing here throws.
 */
export function openMetricHistory(options: HistoryOptions): MetricHistory {
  const { clock, store } = options;
  const pasts = new Map<string, Past>();
  // By a clock that nobody sets, so that no jump tears the windows; the wall's time says where it began.
  const offsetMs = clock.wallMs() - clock.monotonicMs();
  const nowMs = (): number => offsetMs + clock.monotonicMs();
  let slots = windows.map((window) => slotOf(window, nowMs()));
  let busy = false;

  const pastOf = (key: string): Past | undefined => {
    const known = pasts.get(key);
    if (known !== undefined) return known;
    if (pasts.size >= maxHistorySeries) return void options.refused('metric_history');
    const past: Past = { rings: windows.map(createRing), before: undefined };
    pasts.set(key, past);
    return past;
  };
  const look = (family: MetricFamily, series: MetricSeries, timeMs: number): void => {
    const past = pastOf(keyOf(family.name, series.labels));
    if (past === undefined) return;
    const atMs = clock.monotonicMs();
    const seen = lookAt(family.kind, series, past.before && { series: past.before.series, seconds: (atMs - past.before.atMs) / 1000 });
    for (const ring of past.rings) ring.add(timeMs, seen);
    past.before = { series, atMs };
  };
  const slotsOf = (window: number, slot: number): KeptSlot => {
    const entries = [...pasts].flatMap(([key, past]) => {
      const numbers = past.rings[window]?.slot(slot);
      return numbers === undefined ? [] : [[key, ...numbers]];
    });
    return { windowMs: windows[window]?.windowMs ?? 0, slot, data: JSON.stringify(entries) };
  };
  const keep = async (which: (window: number) => number | undefined): Promise<void> => {
    const kept = windows.flatMap((window, i) => {
      const slot = window.kept ? which(i) : undefined;
      return slot === undefined ? [] : [slotsOf(i, slot)];
    });
    if (kept.length > 0) await store.save(kept, windows).catch(options.onFault);
  };
  const forgetOld = (): void => {
    for (const [key, { rings }] of pasts) {
      if (rings.every((ring, i) => ring.newest() <= (slots[i] ?? 0) - (windows[i]?.slots ?? 0))) pasts.delete(key);
    }
  };
  const tick = async (): Promise<void> => {
    const timeMs = nowMs();
    const families = await options.snapshot();
    for (const family of families) for (const series of family.series) look(family, series, timeMs);
    const before = slots;
    slots = windows.map((window) => slotOf(window, timeMs));
    const over = (i: number): number | undefined => (slots[i] === before[i] ? undefined : before[i]);
    if (windows.some((_, i) => over(i) !== undefined)) {
      await keep(over);
      forgetOld();
    }
  };
  const restore = async (): Promise<void> => {
    for (const { windowMs, slot, data } of await store.load()) {
      const window = windows.findIndex((one) => one.windowMs === windowMs);
      const found = windows[window];
      if (found === undefined || slot <= slotOf(found, nowMs()) - found.slots || slot > slotOf(found, nowMs())) continue;
      for (const [key = '', ...numbers] of JSON.parse(data) as readonly [string, ...number[]][])
        pastOf(key)?.rings[window]?.restore(numbers);
    }
  };
  const run = (fn: () => Promise<void>): void => {
    if (busy) return;
    busy = true;
    fn()
      .catch(options.onFault)
      .finally(() => {
        busy = false;
      });
  };
  run(async () => {
    await restore();
    await tick();
  });
  const cancel = clock.every(options.intervalMs, () => run(tick));
  let stopping: Promise<void> | undefined;
  return {
    rollups(name, labels, asked) {
      const past = pasts.get(keyOf(name, labels));
      if (past === undefined) return [];
      return windows.flatMap(({ windowMs }, i) => (asked.includes(windowMs) ? (past.rings[i]?.rollup(nowMs()) ?? []) : []));
    },
    points(name, labels, asked) {
      const window = windows.findIndex(({ windowMs }) => windowMs === asked);
      return pasts.get(keyOf(name, labels))?.rings[window]?.points(nowMs()) ?? [];
    },
    stop() {
      cancel();
      stopping ??= keep((i) => slots[i]);
      return stopping;
    },
  };
}

/** The windows that there are, in ms. */
export const historyWindows: readonly number[] = windows.map(({ windowMs }) => windowMs);

function keyOf(name: string, labels: MetricSeries['labels']): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** What this look adds to the one before. A counter that fell has begun anew. Pure. */
export function lookAt(
  kind: MetricFamily['kind'],
  now: MetricSeries,
  before: { readonly series: MetricSeries; readonly seconds: number } | undefined,
): Look {
  const seconds = before?.seconds ?? 0;
  const rise = (to: number, from: number): number => (to >= from ? to - from : to);
  switch (kind) {
    case 'GAUGE':
      return { value: now.value, weight: 1, increase: before === undefined ? 0 : now.value - before.series.value, seconds };
    case 'COUNTER':
      return { value: now.value, weight: 1, increase: before === undefined ? 0 : rise(now.value, before.series.value), seconds };
    case 'HISTOGRAM': {
      const anew = before !== undefined && now.count < before.series.count;
      const count = before === undefined ? 0 : now.count - (anew ? 0 : before.series.count);
      const sum = before === undefined ? 0 : now.sum - (anew ? 0 : before.series.sum);
      return { value: count > 0 ? sum / count : 0, weight: count, increase: count, seconds };
    }
  }
}
