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

/** From the start of the counting to the moment of the collection. */
export interface Span {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/**
 * Hands observed samples to the readers. The SDK's own observable instruments repeat every label set that they ever saw, so that a
 * process that is gone would be reported for ever; here a collection has what is observed in it and nothing else.
 */
export function createProducer(options: {
  readonly observers: () => Iterable<Observer>;
  /** What else is told in each collection. */
  readonly further: (span: Span) => readonly MetricData[];
  readonly resource: Resource;
  readonly wallMs: () => number;
}): MetricProducer {
  const startTime = toHrTime(options.wallMs());
  return {
    collect() {
      const endTime = toHrTime(options.wallMs());
      const span = { startTime, endTime };
      const metrics = [...[...options.observers()].flatMap((observer) => metricData(observer, span)), ...options.further(span)];
      const scopeMetrics = [{ scope: { name: 'sboxagent' }, metrics }];
      return Promise.resolve({ resourceMetrics: { resource: options.resource, scopeMetrics }, errors: [] });
    },
  };
}

function metricData({ name, entry, samples }: Observer, span: Span): MetricData[] {
  const dataPoints = samples().map((sample) => ({ ...span, attributes: sample.labels ?? {}, value: sample.value }));
  if (dataPoints.length === 0) return [];
  const common = {
    descriptor: descriptorOf(entry.otelName ?? name, entry.help, entry.unit),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints,
  };
  if (entry.kind === 'counter') return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true }];
  return [{ ...common, dataPointType: DataPointType.GAUGE }];
}

export function descriptorOf(name: string, description: string, unit = ''): MetricData['descriptor'] {
  return { name, description, unit, valueType: ValueType.DOUBLE };
}

function toHrTime(wallMs: number): HrTime {
  return [Math.floor(wallMs / 1000), Math.round((wallMs % 1000) * 1e6)];
}
