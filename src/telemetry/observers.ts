import { type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics';
import type { MetricEntry } from './catalogue.ts';
import type { Sample } from './types.ts';

/** One observed metric: its entry, and a function that gives what holds at this moment. */
export interface Observer {
  readonly name: string;
  readonly entry: MetricEntry;
  readonly samples: () => readonly Sample[];
}

/**
 * Hands observed samples to the readers. The SDK's own observable instruments repeat every label set that they ever saw, so that a
 * process that is gone would be reported for ever; here a collection has what is observed in it and nothing else.
 */
export function createProducer(options: {
  readonly observers: () => Iterable<Observer>;
  readonly resource: Resource;
  readonly wallMs: () => number;
}): MetricProducer {
  const startTime = toHrTime(options.wallMs());
  return {
    collect() {
      const endTime = toHrTime(options.wallMs());
      const metrics = [...options.observers()].flatMap((observer) => metricData(observer, startTime, endTime));
      const scopeMetrics = [{ scope: { name: 'sboxagent' }, metrics }];
      return Promise.resolve({ resourceMetrics: { resource: options.resource, scopeMetrics }, errors: [] });
    },
  };
}

function metricData({ name, entry, samples }: Observer, startTime: HrTime, endTime: HrTime): MetricData[] {
  const dataPoints = samples().map((sample) => ({ startTime, endTime, attributes: sample.labels ?? {}, value: sample.value }));
  if (dataPoints.length === 0) return [];
  const common = {
    descriptor: { name: entry.otelName ?? name, description: entry.help, unit: entry.unit ?? '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints,
  };
  if (entry.kind === 'counter') return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true }];
  return [{ ...common, dataPointType: DataPointType.GAUGE }];
}

function toHrTime(wallMs: number): HrTime {
  return [Math.floor(wallMs / 1000), Math.round((wallMs % 1000) * 1e6)];
}
