import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metric } from '../../../gen/ts/sboxagent/v1/metric.ts';
import { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { shortSize } from '../../../src/cli/short-size.ts';
import { textWidth } from '../../../src/cli/text-width.ts';
import { filterRows, sortRows, topRows, topScreen } from '../../../src/cli/top-view.ts';

const process = (id: string, over: object = {}): Process =>
  Process.fromPartial({ id, state: 'READY', engine: 'sing-box', pid: 7, ...over });
const traffic = (name: string, rates: Readonly<Record<string, number>>): Metric =>
  Metric.fromPartial({
    name: `sboxagent_engine_${name}`,
    series: Object.entries(rates).map(([id, rate]) => ({
      labels: { process: id },
      value: 1000,
      rollups: [{ rate: 77, points: [{ rate: 99 }, { rate }] }],
    })),
  });
const metrics = [
  traffic('transmit_bytes_total', { a: 10, b: 3000 }),
  traffic('receive_bytes_total', { a: 5_000_000, b: 1 }),
  traffic('connections', { b: 0 }),
  Metric.fromPartial({ name: 'sboxagent_system_cpu_usage_ratio', series: [{ value: 0.25 }] }),
];
const rows = topRows(
  [
    process('b', { resources: { cpu_usage_ratio: 0.1, resident_memory_bytes: 300, open_fds: 5 }, restart_count: 2 }),
    process('c', { state: 'STOPPED', engine: '' }),
    process('a', { resources: { cpu_usage_ratio: 1.5, resident_memory_bytes: 200, open_fds: 5 } }),
  ],
  metrics,
);
const ids = (of: readonly { id: string }[]): string => of.map(({ id }) => id).join('');

test('rows are sorted by each column, greatest first, and what is not counted comes last', () => {
  const orders = { cpu: 'abc', memory: 'bac', up: 'bac', down: 'abc', restarts: 'bac', id: 'abc' } as const;
  for (const [order, wanted] of Object.entries(orders)) assert.equal(ids(sortRows(rows, order as keyof typeof orders)), wanted, order);
  assert.equal(ids(filterRows(rows, 'sing')), 'ba');
  assert.equal(ids(filterRows(rows, 'stopped')), 'c');
  assert.equal(ids(filterRows(rows, '')), 'bca');
  assert.deepEqual(rows[1]?.connections, undefined);
  assert.equal(rows[0]?.connections, 1000);
  assert.equal(rows[0]?.transmit_bytes_per_second, 3000, 'of now, not of minutes ago');
});

test('sizes have three digits that can be read', () => {
  const sizes = [0, 999, 1000, 1024, 150 * 1024, 1000 * 1024, 5.5 * 2 ** 30, 2 ** 60].map(shortSize);
  assert.deepEqual(sizes, ['0B', '999B', '1.0KiB', '1.0KiB', '150KiB', '1.0MiB', '5.5GiB', '1024PiB']);
});

test('the screen fits the terminal in both directions', () => {
  const many = Array.from(
    { length: 50 },
    (_, i) => ({ ...sortRows(rows, 'cpu')[0], id: `a-unit-with-a-long-name-${i}` }) as (typeof rows)[0],
  );
  for (const [width, height] of [
    [40, 10],
    [80, 24],
    [200, 60],
  ] as const) {
    const lines = topScreen(many, metrics, { colours: false, width, height }).split('\n');
    assert.ok(lines.length <= height + 1, `${lines.length} lines of ${height}`);
    for (const line of lines) assert.ok(textWidth(line) <= width, `${width}: ${line}`);
  }
  const screen = topScreen(many, metrics, { colours: false, width: 80, height: 10 });
  assert.match(screen, /^cpu 25\.0%/);
  assert.match(screen, /… 44 more/);
});
