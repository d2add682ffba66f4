import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { MetricEntry } from './catalogue.ts';
import { cumulative, descriptorOf, pointTypes, type Span } from './observers.ts';
import type { Histogram, Labels } from './types.ts';

/** The newest measurement of a bucket that belongs to a trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  readonly timeMs: number;
}

interface Series {
  readonly labels: Labels;
  /** One more than there are bounds. */
  readonly counts: number[];
  /** By the bucket's place. */
  readonly exemplars: (Exemplar | undefined)[];
  count: number;
  sum: number;
}

/** A point of a histogram, which carries what the SDK's type has no place for. */
export interface WithExemplars {
  readonly exemplars: readonly (Exemplar | undefined)[];
}

export interface OwnHistogram extends Histogram {
  collect(span: Span): MetricData;
}

/**
 * A histogram that is handed to the readers as a whole. The SDK's own instrument sorts and joins the labels of every sample to find its
 * series, which costs more than all else of a short call. `admit` answers one object for equal labels, or undefined beyond the bound.
 */
export function createHistogram(
  name: string,
  { otelName, help, unit, buckets = [], labels: declared }: MetricEntry,
  admit: (labels: Labels | undefined) => Labels | undefined,
): OwnHistogram {
  const all = new Map<Labels, Series>();
  const seriesOf = (labels: Labels): Series => {
    let series = all.get(labels);
    if (series === undefined) {
      series = { labels, counts: new Array<number>(buckets.length + 1).fill(0), exemplars: [], count: 0, sum: 0 };
      all.set(labels, series);
    }
    return series;
  };
  // One without labels is there from the start, so that a rate over its first rise is not lost.
  if (declared.length === 0) {
    const none = admit(undefined);
    if (none !== undefined) seriesOf(none);
  }
  return {
    record(value, labels, trace) {
      const admitted = admit(labels);
      if (admitted === undefined || !Number.isFinite(value)) return;
      const series = seriesOf(admitted);
      let at = 0;
      while (at < buckets.length && value > (buckets[at] ?? 0)) at += 1;
      series.counts[at] = (series.counts[at] ?? 0) + 1;
      series.count += 1;
      series.sum += value;
      if (trace !== undefined) series.exemplars[at] = { traceId: trace.traceId, timeMs: trace.timeMs, value };
    },
    collect: (span) => ({
      descriptor: descriptorOf(otelName ?? name, help, unit),
      aggregationTemporality: cumulative,
      dataPointType: pointTypes.histogram,
      dataPoints: [...all.values()].map(({ labels, counts, exemplars, count, sum }) => ({
        ...span,
        attributes: labels as Attributes,
        ...({ exemplars } satisfies WithExemplars),
        value: { buckets: { boundaries: [...buckets], counts: [...counts] }, count, sum },
      })),
    }),
  };
}
