import type { DataPointType, MetricData } from '@opentelemetry/sdk-metrics';
import type { Exemplar, WithExemplars } from './histogram.ts';
import { pointTypes } from './observers.ts';
import { prometheusNames } from './prometheus-names.ts';
import { labelsOf } from './snapshot.ts';
import type { Labels } from './types.ts';

/** OpenMetrics text 1.0.0 of a collection, with the trace of a call in the buckets of its duration. See openmetrics.io. */
export function openMetricsText(metrics: readonly MetricData[]): string {
  const families = metrics.filter(({ dataPoints }) => dataPoints.length > 0);
  return `${families.map(familyText).join('')}# EOF\n`;
}

function familyText(data: MetricData): string {
  const { name: otelName, description } = data.descriptor;
  const written = prometheusNames.get(otelName) ?? otelName;
  const counter = data.dataPointType === pointTypes.sum && data.isMonotonic;
  const name = counter ? written.replace(/_total$/, '') : written;
  const isHistogram = data.dataPointType !== pointTypes.sum && data.dataPointType !== pointTypes.gauge;
  const type = counter ? 'counter' : isHistogram ? 'histogram' : 'gauge';
  const head = `# HELP ${name} ${escapeText(description)}\n# TYPE ${name} ${type}\n`;
  if (data.dataPointType === pointTypes.histogram) {
    return head + data.dataPoints.map((point) => histogramText(name, point)).join('');
  }
  // Nothing here makes histograms of the other kind.
  if (data.dataPointType !== pointTypes.sum && data.dataPointType !== pointTypes.gauge) return '';
  const sample = counter ? `${name}_total` : name;
  return head + data.dataPoints.map(({ attributes, value }) => `${sample}${labelText(labelsOf(attributes))} ${value}\n`).join('');
}

type HistogramPoint = Extract<MetricData, { dataPointType: DataPointType.HISTOGRAM }>['dataPoints'][number];

function histogramText(name: string, { attributes, value, exemplars = [] }: HistogramPoint & Partial<WithExemplars>): string {
  const labels = labelsOf(attributes);
  let below = 0;
  const buckets = value.buckets.counts.map((count, i) => {
    below += count;
    const bound = value.buckets.boundaries[i];
    const le = bound === undefined ? '+Inf' : Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
    return `${name}_bucket${labelText({ ...labels, le })} ${below}${exemplarText(exemplars[i])}\n`;
  });
  return `${buckets.join('')}${name}_count${labelText(labels)} ${value.count}\n${name}_sum${labelText(labels)} ${value.sum ?? 0}\n`;
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  return ` # {trace_id="${exemplar.traceId}"} ${exemplar.value} ${(exemplar.timeMs / 1000).toFixed(3)}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeText(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
