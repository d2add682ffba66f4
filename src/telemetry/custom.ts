import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { callSeconds } from './catalogue.ts';
import { type CustomName, customLabels, customName, customPrefix } from './custom-names.ts';
import { cumulative, descriptorOf, pointTypes, type Span } from './observers.ts';
import type { CustomMetrics, CustomPoint, CustomRefusal, Labels, Sample } from './types.ts';

/** Label sets of all custom metrics together, and names. A histogram's label set counts once. */
export const maxCustomSeries = 1000;
export const maxCustomNames = 200;

interface Series {
  readonly labels: Labels;
  /** Sum of a counter or histogram, value of a gauge. */
  value: number;
  count: number;
  /** Of a histogram: one more than it has bounds. */
  readonly buckets: number[];
}

interface Metric {
  readonly metric: string;
  readonly kind: CustomPoint['kind'];
  readonly unit: string;
  readonly series: Map<string, Series>;
}

export interface CustomRoom extends CustomMetrics {
  /** Empty for a name that there is not, and for histograms. */
  current(name: string): readonly Sample[];
  collect(span: Span): readonly MetricData[];
}

/** Metrics of the outside. `refused` counts what the bounds kept out. */
export function createCustom(refused: (limit: string) => void): CustomRoom {
  /** By the name without `_total`. */
  const metrics = new Map<string, Metric>();
  let seriesCount = 0;

  const admit = (point: CustomPoint, name: CustomName, labels: Labels): Series | CustomRefusal => {
    const known = metrics.get(name.base);
    if (known && known.kind !== point.kind)
      return { reason: 'KIND_CHANGED', message: `${known.metric} is a ${known.kind}, not a ${point.kind}` };
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const series = known?.series.get(key);
    if (series) return series;
    if (seriesCount >= maxCustomSeries || (!known && metrics.size >= maxCustomNames)) {
      refused('custom_series');
      const bound = seriesCount >= maxCustomSeries ? `${maxCustomSeries} series` : `${maxCustomNames} names`;
      return { reason: 'SERIES_LIMIT', message: `there are ${bound} already` };
    }
    const metric = known ?? { metric: name.metric, kind: point.kind, unit: point.unit, series: new Map() };
    const fresh = { labels, value: 0, count: 0, buckets: point.kind === 'HISTOGRAM' ? new Array(callSeconds.length + 1).fill(0) : [] };
    metrics.set(name.base, metric);
    metric.series.set(key, fresh);
    seriesCount += 1;
    return fresh;
  };
  const take = (point: CustomPoint, common: Labels): CustomRefusal | undefined => {
    const name = customName(point);
    if ('reason' in name) return name;
    if (!Number.isFinite(point.value)) return { reason: 'VALUE_INVALID', message: 'the value is no finite number' };
    if (point.kind === 'COUNTER' && point.value < 0) return { reason: 'VALUE_INVALID', message: 'a counter only rises' };
    const labels = customLabels(point.labels, common);
    if ('reason' in labels) return labels;
    const series = admit(point, name, labels.labels);
    if ('reason' in series) return series;
    measure(series, point);
    return undefined;
  };
  return {
    record: (points, labels) => points.map((point) => take(point, labels)),
    current(name) {
      if (!name.startsWith(customPrefix)) return [];
      const metric = metrics.get(name) ?? metrics.get(name.replace(/_total$/, ''));
      if (metric?.metric !== name || metric.kind === 'HISTOGRAM') return [];
      return [...metric.series.values()].map(({ labels, value }) => ({ labels, value }));
    },
    collect: (span) => [...metrics.values()].map((metric) => dataOf(metric, span)),
  };
}

function measure(series: Series, { kind, value }: CustomPoint): void {
  series.value = kind === 'GAUGE' ? value : series.value + value;
  series.count += 1;
  if (kind !== 'HISTOGRAM') return;
  const at = callSeconds.findIndex((bound) => value <= bound);
  const bucket = at === -1 ? callSeconds.length : at;
  series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
}

const ucum: Readonly<Record<string, string>> = {
  seconds: 's',
  bytes: 'By',
  ratio: '1',
  celsius: 'Cel',
  meters: 'm',
  grams: 'g',
  volts: 'V',
};

function dataOf({ metric, kind, unit, series }: Metric, span: Span): MetricData {
  const help = `A ${kind.toLowerCase()} that plugins report.`;
  const common = {
    descriptor: descriptorOf(metric, help, Object.hasOwn(ucum, unit) ? ucum[unit] : unit === '' ? '' : `{${unit}}`),
    aggregationTemporality: cumulative,
  };
  const points = [...series.values()].map((one) => ({ ...span, attributes: one.labels as Attributes, one }));
  if (kind === 'HISTOGRAM') {
    const dataPoints = points.map(({ one, ...point }) => ({
      ...point,
      value: { buckets: { boundaries: [...callSeconds], counts: [...one.buckets] }, sum: one.value, count: one.count },
    }));
    return { ...common, dataPointType: pointTypes.histogram, dataPoints };
  }
  const dataPoints = points.map(({ one, ...point }) => ({ ...point, value: one.value }));
  if (kind === 'COUNTER') return { ...common, dataPointType: pointTypes.sum, isMonotonic: true, dataPoints };
  return { ...common, dataPointType: pointTypes.gauge, dataPoints };
}
