import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { maxHistorySeries, openMetricHistory } from '../../../src/telemetry/history.ts';
import type { KeptSlot, MetricFamily, MetricHistory, MetricHistoryStore } from '../../../src/telemetry/types.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

const minute = 60_000;
const [fiveMinutes, hour, day] = [5 * minute, 60 * minute, 24 * 60 * minute];
const labels = { process: 'edge' };

function memoryStore(): MetricHistoryStore & { readonly rows: Map<string, KeptSlot> } {
  const rows = new Map<string, KeptSlot>();
  return {
    rows,
    load: async () => [...rows.values()],
    async save(kept) {
      for (const slot of kept) rows.set(`${slot.windowMs} ${slot.slot}`, slot);
    },
  };
}

interface Rig {
  readonly history: MetricHistory;
  readonly refused: string[];
  readonly faults: unknown[];
  /** Lets an interval pass in which the series took these values. */
  look(families: readonly MetricFamily[]): Promise<void>;
}

function rig(bent: ReturnType<typeof bentClock>, store: MetricHistoryStore, first: readonly MetricFamily[] = []): Rig {
  let now = first;
  const refused: string[] = [];
  const faults: unknown[] = [];
  const history = openMetricHistory({
    snapshot: async () => now,
    intervalMs: 15_000,
    store,
    clock: bent.clock,
    refused: (limit) => void refused.push(limit),
    onFault: (error) => void faults.push(error),
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await nextTurn();
  };
  return {
    history,
    refused,
    faults,
    async look(families) {
      await settle();
      now = families;
      bent.advance(15_000);
      await settle();
    },
  };
}

const family = (name: string, kind: MetricFamily['kind'], figures: { value?: number; count?: number; sum?: number }): MetricFamily => ({
  ...{ name, kind, unit: '', help: '' },
  series: [{ labels, value: 0, count: 0, sum: 0, ...figures }],
});

test('a gauge, a counter over a new beginning, a histogram by what it measured: last, least, greatest, mean, rate', async () => {
  const bent = bentClock(1_000 * day);
  const { history, look } = rig(bent, memoryStore());
  // Looks are 15 s apart.
  for (const [gauge, counter, count, sum] of [
    [4, 100, 10, 10],
    [1, 130, 12, 14],
    [7, 15, 12, 14],
    [6, 45, 16, 54],
  ] as const) {
    const at = [
      family('g', 'GAUGE', { value: gauge }),
      family('c_total', 'COUNTER', { value: counter }),
      family('h', 'HISTOGRAM', { count, sum }),
    ];
    await look(at);
  }
  const rollups = (name: string) => history.rollups(name, labels, [fiveMinutes, hour, day]);
  assert.deepEqual(
    rollups('g'),
    [fiveMinutes, hour, day].map((windowMs) => ({ windowMs, last: 6, min: 1, max: 7, mean: 4.5, rate: 2 / 45 })),
  );
  assert.deepEqual(history.rollups('c_total', labels, [hour]), [
    { windowMs: hour, last: 45, min: 15, max: 130, mean: 72.5, rate: (30 + 15 + 30) / 45 },
  ]);
  // 2 measurements of 2 in the mean, then 4 of 10.
  assert.deepEqual(history.rollups('h', labels, [day]), [{ windowMs: day, last: 10, min: 2, max: 10, mean: 44 / 6, rate: 6 / 45 }]);
  assert.deepEqual(history.rollups('g', { process: 'other' }, [hour]), []);
  assert.deepEqual(history.rollups('g', labels, []), []);
});

test('the points of a window are its parts in which something was seen, oldest first', async () => {
  const bent = bentClock(1_000 * day);
  const { history, look } = rig(bent, memoryStore());
  for (const value of [10, 40, 70]) await look([family('c_total', 'COUNTER', { value })]);
  await look([]);
  const points = history.points('c_total', labels, fiveMinutes);
  assert.deepEqual(
    points.map(({ min, max, mean, rate }) => [min, max, mean, rate]),
    [
      [10, 10, 10, 0],
      [40, 40, 40, 2],
      [70, 70, 70, 2],
    ],
  );
  assert.deepEqual(
    points.map(({ timeMs }) => timeMs - (points[0]?.timeMs ?? 0)),
    [0, 15_000, 30_000],
  );
  const whole = history.points('c_total', labels, hour);
  assert.deepEqual([Math.min(...whole.map(({ min }) => min)), Math.max(...whole.map(({ max }) => max))], [10, 70]);
  assert.deepEqual(history.points('c_total', { process: 'other' }, hour), []);
});

test('what is older than a window has left it, and a series that is gone takes no place', async () => {
  const bent = bentClock(1_000 * day);
  const { history, look } = rig(bent, memoryStore());
  await look([family('g', 'GAUGE', { value: 9 })]);
  for (let i = 0; i < 24; i++) await look([family('g', 'GAUGE', { value: 1 })]);
  assert.deepEqual(
    history.rollups('g', labels, [fiveMinutes, hour]).map(({ max }) => max),
    [1, 9],
  );
  for (let i = 0; i < (day + hour) / 15_000; i += 100) {
    bent.advance(99 * 15_000);
    await look([]);
  }
  assert.deepEqual(history.rollups('g', labels, [fiveMinutes, hour, day]), []);
});

test('an hour and a day go on after a restart, also over a wall clock that jumps; five minutes begin anew', async () => {
  const bent = bentClock(1_000 * day);
  const store = memoryStore();
  const before = rig(bent, store);
  for (const value of [1, 2, 3]) await before.look([family('c_total', 'COUNTER', { value })]);
  bent.setWall(bent.clock.wallMs() - 20 * day);
  await before.look([family('c_total', 'COUNTER', { value: 4 })]);
  await before.history.stop();
  await before.history.stop();
  bent.setWall(bent.clock.monotonicMs() + minute);
  const after = rig(bent, store);
  await after.look([family('c_total', 'COUNTER', { value: 50 })]);
  const [short, ...long] = after.history.rollups('c_total', labels, [fiveMinutes, hour, day]);
  assert.deepEqual([short?.min, short?.rate], [50, 0]);
  // What was counted while nobody looked is not guessed.
  assert.deepEqual(
    long.map(({ min, max, rate }) => [min, max, rate]),
    [
      [1, 50, 3 / 45],
      [1, 50, 3 / 45],
    ],
  );
});

test('the series that are remembered have a bound, and a store that fails ends nothing', async () => {
  const bent = bentClock(1_000 * day);
  const store: MetricHistoryStore = {
    load: () => Promise.reject(new Error('no disk')),
    save: () => Promise.reject(new Error('no disk')),
  };
  const { history, look, refused, faults } = rig(bent, store);
  const many = Array.from({ length: maxHistorySeries + 3 }, (_, i) => ({ labels: { i: String(i) }, value: 1, count: 0, sum: 0 }));
  await look([{ name: 'g', kind: 'GAUGE', unit: '', help: '', series: many }]);
  assert.deepEqual(refused, ['metric_history', 'metric_history', 'metric_history']);
  assert.equal(history.rollups('g', { i: '0' }, [hour]).length, 1);
  assert.deepEqual(history.rollups('g', { i: String(maxHistorySeries) }, [hour]), []);
  await history.stop();
  assert.ok(faults.length >= 2);
});
