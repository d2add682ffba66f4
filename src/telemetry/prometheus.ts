import type { Histogram as HistogramValue, MetricData } from '@opentelemetry/sdk-metrics';
import { pointTypes } from './observers.ts';
import { prometheusNames } from './prometheus-names.ts';

/**
 * The text of format 0.0.4, without the units, which are a comment of another format. OpenTelemetry's exporter writes the same, and would load
 * its SDK, an HTTP client and a server of its own for it.
 */
export function prometheusText(metrics: readonly MetricData[]): string {
  return metrics.map((metric) => familyText(prometheusNames.get(metric.descriptor.name) ?? metric.descriptor.name, metric)).join('');
}

function familyText(name: string, metric: MetricData): string {
  const type = metric.dataPointType === pointTypes.sum ? 'counter' : metric.dataPointType === pointTypes.gauge ? 'gauge' : 'histogram';
  const lines = [`# HELP ${name} ${escapeText(metric.descriptor.description)}`, `# TYPE ${name} ${type}`];
  for (const { attributes, value } of metric.dataPoints) {
    const labels = labelsText(attributes);
    if (typeof value === 'number') lines.push(sampleText(name, labels, value));
    else if ('buckets' in value && 'boundaries' in value.buckets) lines.push(...histogramText(name, labels, value as HistogramValue));
  }
  return `${lines.join('\n')}\n`;
}

function histogramText(name: string, labels: string, { buckets, count, sum = 0 }: HistogramValue): string[] {
  const before = labels === '' ? '' : `${labels},`;
  let below = 0;
  const lines = buckets.counts.map((one, at) => {
    below += one;
    return sampleText(`${name}_bucket`, `${before}le="${numberText(buckets.boundaries[at] ?? Number.POSITIVE_INFINITY)}"`, below);
  });
  return [sampleText(`${name}_count`, labels, count), sampleText(`${name}_sum`, labels, sum), ...lines];
}

function sampleText(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function labelsText(attributes: MetricData['dataPoints'][number]['attributes']): string {
  return Object.entries(attributes)
    .map(([key, value]) => `${key.replace(/[^a-z0-9_]+/gi, '_')}="${escapeText(String(value)).replaceAll('"', '\\"')}"`)
    .join(',');
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
