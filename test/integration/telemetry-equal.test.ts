/** One registry, four ways out: the text, OpenMetrics, the messages of GetMetrics and OTLP hold the same series with the same values. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { type MetricFamily, metricCatalogue, startTelemetry } from '../../src/telemetry/index.ts';
import { until } from '../helpers/daemon.ts';

type Series = ReadonlyMap<string, number>;

const key = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`;

/** Bounds as numbers: OpenMetrics writes 1.0 where the older text writes 1. */
const labelsIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [
      name,
      name === 'le' && value !== '+Inf' ? String(Number(value)) : JSON.parse(`"${value}"`),
    ]),
  );

function ofText(text: string): Series {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*?)\})? (\S+)(?: # .*)?$/.exec(line) ?? assert.fail(line);
      return [key(name, labelsIn(labels)), Number(value)];
    }),
  );
}

/** Messages have no buckets. */
function ofFamilies(families: readonly MetricFamily[]): Series {
  const all = families.flatMap(({ name, kind, series }) =>
    series.flatMap(({ labels, value, count, sum }): [string, number][] =>
      kind === 'HISTOGRAM'
        ? [
            [key(`${name}_count`, labels), count],
            [key(`${name}_sum`, labels), sum],
          ]
        : [[key(name, labels), value]],
    ),
  );
  return new Map(all);
}

interface OtlpPoint {
  readonly attributes: readonly { key: string; value: { stringValue: string } }[];
  readonly asDouble?: number;
  readonly asInt?: number | string;
  readonly count?: number;
  readonly sum?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
}
interface OtlpMetric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly OtlpPoint[]; readonly isMonotonic: boolean };
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] };
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] };
}

function ofOtlp(metrics: readonly OtlpMetric[]): Series {
  const names = new Map(Object.entries(metricCatalogue).map(([name, { otelName }]) => [otelName ?? name, name]));
  const all = new Map<string, number>();
  for (const { name: otelName, sum, gauge, histogram } of metrics) {
    const name = names.get(otelName) ?? otelName;
    for (const point of (sum ?? gauge ?? histogram)?.dataPoints ?? []) {
      const labels = Object.fromEntries(point.attributes.map((one) => [one.key.replaceAll('.', '_'), one.value.stringValue]));
      if (histogram === undefined) {
        all.set(key(name, labels), Number(point.asDouble ?? point.asInt));
        continue;
      }
      all.set(key(`${name}_count`, labels), Number(point.count)).set(key(`${name}_sum`, labels), point.sum ?? Number.NaN);
      let below = 0;
      for (const [i, count] of (point.bucketCounts ?? []).entries()) {
        below += Number(count);
        all.set(key(`${name}_bucket`, { ...labels, le: String(point.explicitBounds?.[i] ?? '+Inf') }), below);
      }
    }
  }
  return all;
}

test('the text, OpenMetrics, the messages and OTLP say the same', async (t) => {
  let exported: readonly OtlpMetric[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/metrics') exported = JSON.parse(Buffer.concat(chunks).toString()).resourceMetrics[0].scopeMetrics[0].metrics;
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  t.after(() => collector.close().closeAllConnections());
  const telemetry = await startTelemetry({
    ...{
      version: '1',
      commit: 'a',
      instanceName: 'here',
      logLevel: 'info',
      sampleRatio: 1,
      clock: systemClock,
      destination: { write() {} },
    },
    otlpEndpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    env: { OTEL_METRIC_EXPORT_INTERVAL: '200' },
  });
  t.after(() => telemetry.stop());
  const { metrics } = telemetry;
  for (const [name, { kind, labels }] of Object.entries(metricCatalogue)) {
    if (/^sboxagent_(up_seconds|event_loop|build_info)/.test(name)) continue;
    const given = Object.fromEntries(labels.map((label) => [label, `${label} "1"\\`]));
    const observed = name.startsWith('sboxagent_system_') || /_(restarts|bytes)_total$|plugin_recoveries/.test(name);
    if (kind === 'gauge' || observed) metrics.observe(name, { kind: kind as 'gauge' }, () => [{ value: 0.1 + 0.2, labels: given }]);
    else if (kind === 'counter') metrics.counter(name).add(1e15 + 1, given);
    else for (const value of [0.002, 0.3, 1e6]) metrics.histogram(name).record(value, given);
  }
  const points = [
    { name: 'fetched', kind: 'COUNTER', unit: '', value: 3, labels: { mirror: 'eu' } },
    { name: 'cache', kind: 'GAUGE', unit: 'bytes', value: -7, labels: {} },
    { name: 'run', kind: 'HISTOGRAM', unit: 'seconds', value: 0.3, labels: {} },
  ] as const;
  assert.deepEqual(telemetry.custom.record(points, { plugin: 'geo' }), [undefined, undefined, undefined]);
  telemetry.startCall({ service: 'sboxagent.v1.EventService', method: 'GetEvent', system: 'grpc', headers: {} }).end('not_found');

  await until('an export of all of it', () => JSON.stringify(exported).includes('GetEvent'));
  const [families, text, openmetrics] = await Promise.all([telemetry.snapshot(), metrics.prometheus(), metrics.prometheus('openmetrics')]);
  // What says something of the moment itself moves between the four.
  const still = (series: Series): object =>
    Object.fromEntries([...series].filter(([name]) => !/^sboxagent_(up_seconds|event_loop_delay)/.test(name)).toSorted());
  const wanted = still(ofText(text));
  assert.ok(Object.keys(wanted).length > Object.keys(metricCatalogue).length);
  assert.deepEqual(still(ofText(openmetrics)), wanted);
  assert.deepEqual(still(ofOtlp(exported)), wanted);
  assert.deepEqual(still(ofFamilies(families)), Object.fromEntries(Object.entries(wanted).filter(([name]) => !/^\S+_bucket /.test(name))));
});
