import { type HrTime, ValueType } from '@opentelemetry/api';
import type { AggregationTemporality, DataPointType, MetricData } from '@opentelemetry/sdk-metrics';
import type { MetricEntry } from './catalogue.ts';
import type { Sample } from './types.ts';

/** The SDK's own values, which a daemon without a collector does not load it for. */
export const cumulative = 1 satisfies AggregationTemporality.CUMULATIVE;
export const pointTypes = {
  histogram: 0 satisfies DataPointType.HISTOGRAM,
  gauge: 2 satisfies DataPointType.GAUGE,
  sum: 3 satisfies DataPointType.SUM,
} as const;

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
 * Gathers what holds at this moment, for the text and for a collector. The SDK's own observable instruments repeat every label set that they ever saw, so that a
 * process that is gone would be reported for ever; here a collection has what is observed in it and nothing else.
 */
export function createCollection(options: {
  readonly observers: () => Iterable<Observer>;
  /** What else is told in each collection. */
  readonly further: (span: Span) => readonly MetricData[];
  readonly wallMs: () => number;
}): () => MetricData[] {
  const startTime = toHrTime(options.wallMs());
  return () => {
    const endTime = toHrTime(options.wallMs());
    const span = { startTime, endTime };
    return [...[...options.observers()].flatMap((observer) => metricData(observer, span)), ...options.further(span)];
  };
}

function metricData({ name, entry, samples }: Observer, span: Span): MetricData[] {
  const dataPoints = samples().map((sample) => ({ ...span, attributes: sample.labels ?? {}, value: sample.value }));
  if (dataPoints.length === 0) return [];
  const common = {
    descriptor: descriptorOf(entry.otelName ?? name, entry.help, entry.unit),
    aggregationTemporality: cumulative,
    dataPoints,
  };
  if (entry.kind === 'counter') return [{ ...common, dataPointType: pointTypes.sum, isMonotonic: true }];
  return [{ ...common, dataPointType: pointTypes.gauge }];
}

export function descriptorOf(name: string, description: string, unit = ''): MetricData['descriptor'] {
  return { name, description, unit, valueType: ValueType.DOUBLE };
}

export function toHrTime(wallMs: number): HrTime {
  return [Math.floor(wallMs / 1000), Math.round((wallMs % 1000) * 1e6)];
}
