/** Our text of the metrics beside that of OpenTelemetry's exporter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { cumulative, descriptorOf, pointTypes } from '../../../src/telemetry/observers.ts';
import { prometheusText } from '../../../src/telemetry/prometheus.ts';

const span = { startTime: [1, 0] as [number, number], endTime: [2, 0] as [number, number] };
const common = { aggregationTemporality: AggregationTemporality.CUMULATIVE };
const odd = { a: 'plain', 'rpc.method.name': 'with "quotes", a \\ and a\nline', 'two..dots': '', b_c: '+Inf ü {}' };

const metrics: MetricData[] = [
  {
    ...common,
    descriptor: descriptorOf('one_total', 'Counts \\ and\nbreaks a line.'),
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: [
      { ...span, attributes: {}, value: 0 },
      { ...span, attributes: odd, value: 1e21 },
    ],
  },
  {
    ...common,
    descriptor: descriptorOf('two_bytes', 'A gauge.'),
    dataPointType: DataPointType.GAUGE,
    dataPoints: [-0.1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 5e-324].map((value, at) => ({
      ...span,
      attributes: { at: String(at) },
      value,
    })),
  },
  {
    ...common,
    descriptor: descriptorOf('three_seconds', 'A histogram.'),
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: [{}, odd].map((attributes) => ({
      ...span,
      attributes,
      value: { buckets: { boundaries: [0.005, 1, 10], counts: [1, 0, 4, 2] }, count: 7, sum: 33.25 },
    })),
  },
];

test('the text says what the exporter of OpenTelemetry says', () => {
  const resource = resourceFromAttributes({});
  const theirs = new PrometheusSerializer('', false, undefined, true, true);
  // The exporter ends a family with an empty line.
  const expected = theirs.serialize({ resource, scopeMetrics: [{ scope: { name: 'test' }, metrics }] });
  assert.equal(prometheusText(metrics), expected.replaceAll('\n\n', '\n'));
});

test("the values that stand for the SDK's are the SDK's", () => {
  assert.equal(cumulative, AggregationTemporality.CUMULATIVE);
  assert.deepEqual(pointTypes, { histogram: DataPointType.HISTOGRAM, gauge: DataPointType.GAUGE, sum: DataPointType.SUM });
});
