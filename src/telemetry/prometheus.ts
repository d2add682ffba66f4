import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { MetricProducer } from '@opentelemetry/sdk-metrics';
import { prometheusNames } from './prometheus-names.ts';

export type PrometheusReader = PrometheusExporter;

/** A reader that opens no port of its own: the text is served on the agent's. */
export function createPrometheusReader(producer: MetricProducer): PrometheusReader {
  return new PrometheusExporter({ preventServerStart: true, metricProducers: [producer] });
}

/**
 * The text of format 0.0.4. The exporter takes OTel names as they stand and prints units as a comment of another format,
 * so names are put right and units are left out first.
 */
export async function prometheusText(reader: PrometheusReader): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => ({
      ...metric,
      descriptor: { ...metric.descriptor, unit: '', name: prometheusNames.get(metric.descriptor.name) ?? metric.descriptor.name },
    })),
  }));
  return new PrometheusSerializer('', false, undefined, true, true).serialize({ ...resourceMetrics, scopeMetrics });
}
