import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { type CustomPoint, startTelemetry, type Telemetry } from '../../../src/telemetry/index.ts';

const started: Telemetry[] = [];
after(() => Promise.all(started.map((telemetry) => telemetry.stop())));

async function start(): Promise<Telemetry> {
  const telemetry = await startTelemetry({
    version: '1.2.3',
    commit: 'abc',
    instanceName: 'here',
    logLevel: 'info',
    sampleRatio: 1,
    env: {},
    clock: systemClock,
    destination: { write() {} },
  });
  started.push(telemetry);
  return telemetry;
}

const point = (name: string, over: Partial<CustomPoint> = {}): CustomPoint => ({
  name,
  kind: 'GAUGE',
  value: 1,
  labels: {},
  unit: '',
  ...over,
});
const plugin = { plugin: 'geo' };

test('counters, gauges and histograms of plugins are in the Prometheus text as promtool wants them', async () => {
  const { custom, metrics } = await start();
  const answers = custom.record(
    [
      point('fetched', { kind: 'COUNTER', value: 2 }),
      point('fetched', { kind: 'COUNTER', value: 3 }),
      point('fetched_total', { kind: 'COUNTER', value: 4, labels: { provider: 'a "b"\\' } }),
      point('cache', { value: 7, unit: 'bytes' }),
      point('cache_bytes', { value: 5, unit: 'bytes' }),
      point('processing', { kind: 'HISTOGRAM', value: 0.3, unit: 'seconds' }),
      point('processing', { kind: 'HISTOGRAM', value: 99, unit: 'seconds' }),
    ],
    plugin,
  );
  assert.deepEqual(answers, new Array(7).fill(undefined));
  const text = await metrics.prometheus();
  assert.ok(text.includes('sboxagent_custom_fetched_total{plugin="geo"} 5'), text);
  assert.ok(text.includes('sboxagent_custom_fetched_total{provider="a \\"b\\"\\\\",plugin="geo"} 4'), text);
  assert.ok(text.includes('sboxagent_custom_cache_bytes{plugin="geo"} 5'), text);
  assert.ok(text.includes('sboxagent_custom_processing_seconds_bucket{plugin="geo",le="0.25"} 0'));
  assert.ok(text.includes('sboxagent_custom_processing_seconds_bucket{plugin="geo",le="0.5"} 1'));
  assert.ok(text.includes('sboxagent_custom_processing_seconds_bucket{plugin="geo",le="+Inf"} 2'));
  assert.ok(text.includes('sboxagent_custom_processing_seconds_sum{plugin="geo"} 99.3'));
  assert.deepEqual(metrics.current('sboxagent_custom_cache_bytes'), [{ value: 5, labels: plugin }]);
  assert.equal(metrics.current('sboxagent_custom_fetched_total').length, 2);
  for (const none of ['sboxagent_custom_fetched', 'sboxagent_custom_processing_seconds', 'sboxagent_custom_cache_bytes_total'])
    assert.deepEqual(metrics.current(none), []);
  if (spawnSync('promtool', ['--version']).error) return;
  assert.equal(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' }), '');
});

test('a point that is wrong is refused by itself, with the reason', async () => {
  const { custom } = await start();
  custom.record([point('depth')], plugin);
  const cases: readonly [CustomPoint, string][] = [
    ...['', 'A', '9a', 'a-b', 'a__b', '_a', 'a_', `${'a'.repeat(101)}`, 'x_count', 'x_total', 'x_gauge', 'x_ms', 'x_milliseconds'].map(
      (name): [CustomPoint, string] => [point(name), 'NAME_INVALID'],
    ),
    [point('x', { unit: 'minutes' }), 'NAME_INVALID'],
    [point('x', { unit: 'se conds' }), 'NAME_INVALID'],
    [point('x', { value: Number.NaN }), 'VALUE_INVALID'],
    [point('x', { value: Number.POSITIVE_INFINITY }), 'VALUE_INVALID'],
    [point('x', { kind: 'COUNTER', value: -1 }), 'VALUE_INVALID'],
    [point('depth', { kind: 'COUNTER' }), 'KIND_CHANGED'],
    [point('depth', { kind: 'HISTOGRAM' }), 'KIND_CHANGED'],
    [point('x', { labels: { le: '1' } }), 'LABELS_INVALID'],
    [point('x', { labels: { Bad: '1' } }), 'LABELS_INVALID'],
    [point('x', { labels: { plugin: 'other' } }), 'LABELS_INVALID'],
    [point('x', { labels: { a: 'x'.repeat(257) } }), 'LABELS_INVALID'],
    [point('x', { labels: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`l${i}`, 'v'])) }), 'LABELS_INVALID'],
  ];
  const answers = custom.record(
    cases.map(([one]) => one),
    plugin,
  );
  for (const [i, [one, reason]] of cases.entries()) assert.equal(answers[i]?.reason, reason, `${one.name} ${JSON.stringify(one)}`);
  assert.deepEqual(custom.record([point('fine', { labels: plugin })], plugin), [undefined]);
});

test('series and names have a bound; what is refused is counted, what is known goes on', async () => {
  const { custom, metrics } = await start();
  const many = Array.from({ length: 1010 }, (_, n) => point('many', { labels: { n: String(n) } }));
  const answers = custom.record(many, {});
  assert.equal(answers.filter((answer) => answer?.reason === 'SERIES_LIMIT').length, 10);
  assert.deepEqual(custom.record([point('many', { labels: { n: '0' }, value: 9 })], {}), [undefined]);
  assert.equal(metrics.current('sboxagent_custom_many')[0]?.value, 9);
  assert.deepEqual(
    metrics.current('sboxagent_limit_refused_total').filter(({ value }) => value > 0),
    [{ value: 10, labels: { limit: 'custom_series' } }],
  );

  const names = (await start()).custom.record(
    Array.from({ length: 201 }, (_, n) => point(`name${n}`)),
    {},
  );
  assert.deepEqual(
    names.flatMap((answer, n) => (answer ? [[n, answer.reason]] : [])),
    [[200, 'SERIES_LIMIT']],
  );
});

test('what counters and observed metrics show at this moment can be read', async () => {
  const { metrics } = await start();
  const denied = metrics.counter('sboxagent_auth_denied_total');
  denied.add(1, { reason: 'a' });
  denied.add(2, { reason: 'a' });
  denied.add(5, { reason: 'b' });
  denied.add(-5, { reason: 'b' });
  const own = metrics.current('sboxagent_auth_denied_total').filter(({ labels }) => (labels?.['reason']?.length ?? 0) === 1);
  assert.deepEqual(own, [
    { value: 3, labels: { reason: 'a' } },
    { value: 5, labels: { reason: 'b' } },
  ]);
  metrics.counter('sboxagent_rate_limited_total').add(1);
  metrics.counter('sboxagent_rate_limited_total').add(1, {});
  assert.deepEqual(metrics.current('sboxagent_rate_limited_total'), [{ value: 2, labels: {} }]);
  metrics.observe('sboxagent_streams', { kind: 'gauge' }, () => [{ value: 4, labels: { kind: 'watch' } }]);
  assert.deepEqual(metrics.current('sboxagent_streams'), [{ value: 4, labels: { kind: 'watch' } }]);
  assert.deepEqual(metrics.current('sboxagent_nothing'), []);
});
