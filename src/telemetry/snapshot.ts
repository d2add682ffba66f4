import type { MetricData } from '@opentelemetry/sdk-metrics';
import { metricCatalogue } from './catalogue.ts';
import { pointTypes } from './observers.ts';
import { prometheusNames } from './prometheus-names.ts';
import type { Labels, MetricFamily, MetricSeries } from './types.ts';

/** Units as the names of metrics write them. */
const words: Readonly<Record<string, string>> = {
  s: 'seconds',
  By: 'bytes',
  '1': 'ratio',
  Cel: 'celsius',
  m: 'meters',
  g: 'grams',
  V: 'volts',
};

/** What a collection holds, under the names and labels of the Prometheus text, by name. */
export function familiesOf(metrics: readonly MetricData[]): readonly MetricFamily[] {
  const families = metrics.map(familyOf).filter(({ series }) => series.length > 0);
  return families.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function familyOf(data: MetricData): MetricFamily {
  const { name: otelName, description, unit } = data.descriptor;
  const name = prometheusNames.get(otelName) ?? otelName;
  return { name, kind: kindOf(data), unit: unitWord(name, unit), help: description, series: seriesOf(data) };
}

function kindOf(data: MetricData): MetricFamily['kind'] {
  if (data.dataPointType === pointTypes.sum) return data.isMonotonic ? 'COUNTER' : 'GAUGE';
  return data.dataPointType === pointTypes.gauge ? 'GAUGE' : 'HISTOGRAM';
}

function unitWord(name: string, unit: string): string {
  const ucum = metricCatalogue[name]?.unit ?? unit;
  return words[ucum] ?? ucum.replace(/^\{(.*)\}$/, '$1');
}

function seriesOf(data: MetricData): readonly MetricSeries[] {
  if (data.dataPointType === pointTypes.sum || data.dataPointType === pointTypes.gauge) {
    return data.dataPoints.map(({ attributes, value }) => ({ labels: labelsOf(attributes), value, count: 0, sum: 0 }));
  }
  return data.dataPoints.map(({ attributes, value }) => ({
    ...{ labels: labelsOf(attributes), value: 0, count: value.count, sum: value.sum ?? 0 },
  }));
}

/** Labels as the Prometheus text writes their names. */
export function labelsOf(attributes: Readonly<Record<string, unknown>>): Labels {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key.replaceAll(/[^a-zA-Z0-9_]/g, '_'), String(value)]));
}
