import type { MetricData } from '@opentelemetry/sdk-metrics';
import { type MetricEntry, metricCatalogue } from './catalogue.ts';
import { createHistogram, type OwnHistogram } from './histogram.ts';
import { cumulative, descriptorOf, type Observer, pointTypes, type Span } from './observers.ts';
import type { Counter, Labels, MetricReader, Metrics, Sample } from './types.ts';

/** Label sets that one metric may have; further ones are refused and counted. */
export const maxLabelSets = 1000;
const maxLabelLength = 256;
const refusedName = 'sboxagent_limit_refused_total';

interface OwnCounter extends Counter {
  readonly samples: () => readonly Sample[];
  readonly collect: (span: Span) => MetricData;
}

interface Instruments {
  readonly metrics: Metrics;
  /** Sums of counters, and what is observed. */
  readonly reader: MetricReader;
  /** What is observed, for the producer that the readers ask. */
  readonly observers: () => Iterable<Observer>;
  /** What counters and histograms have. */
  readonly measured: (span: Span) => readonly MetricData[];
}

/** The metrics of the catalogue. `text` gives the Prometheus text. */
export function createMetrics(text: Metrics['prometheus']): Instruments {
  const counters = new Map<string, OwnCounter>();
  const histograms = new Map<string, OwnHistogram>();
  const observers = new Map<string, Observer & { readonly functions: (() => readonly Sample[])[] }>();
  const refused = (limit: string): void => metrics.counter(refusedName).add(1, { limit });

  const counter = (name: string): OwnCounter => {
    const entry = entryOf(name, 'counter');
    const admit = createAdmission(name, refused);
    // As many as `admit` lets through.
    const sums = new Map<Labels, { value: number; readonly labels: Labels }>();
    const add = (n: number, labels?: Labels): void => {
      const admitted = admit(labels);
      if (admitted === undefined || !(n >= 0)) return;
      const sum = sums.get(admitted);
      if (sum) sum.value += n;
      else sums.set(admitted, { value: n, labels: admitted });
    };
    // What is known beforehand is there from the start, so that a rate over its first rise is not lost.
    if (entry.labels.length === 0) add(0);
    for (const labels of entry.declared ?? []) add(0, labels);
    return {
      add,
      samples: () => [...sums.values()].map(({ value, labels: of }) => ({ value, labels: of })),
      collect: (span) => ({
        descriptor: descriptorOf(entry.otelName ?? name, entry.help, entry.unit),
        aggregationTemporality: cumulative,
        dataPointType: pointTypes.sum,
        isMonotonic: true,
        dataPoints: [...sums.values()].map(({ value, labels: of }) => ({ ...span, attributes: { ...of }, value })),
      }),
    };
  };

  const histogram = (name: string): OwnHistogram => createHistogram(name, entryOf(name, 'histogram'), createAdmission(name, refused));

  const observer = (
    name: string,
    entry: MetricEntry,
    first: () => readonly Sample[],
  ): Observer & { functions: (() => readonly Sample[])[] } => {
    const functions = [first];
    const samples = (): readonly Sample[] => {
      const all = functions.flatMap(sampled);
      if (all.length > maxLabelSets) refused(`label_sets:${name}`);
      return all.slice(0, maxLabelSets).map(({ value, labels }) => ({ value, labels: cut(labels ?? {}) }));
    };
    return { name, entry, functions, samples };
  };

  const metrics: Metrics = {
    counter: (name) => getOrMake(counters, name, () => counter(name)),
    histogram: (name) => getOrMake(histograms, name, () => histogram(name)),
    observe(name, options, fn) {
      const entry = entryOf(name, options.kind);
      const known = observers.get(name);
      if (known) known.functions.push(fn);
      else observers.set(name, observer(name, entry, fn));
    },
    prometheus: text,
  };
  const reader: MetricReader = {
    current: (name) => [...(counters.get(name)?.samples() ?? []), ...(observers.get(name)?.samples() ?? [])],
  };
  return {
    metrics,
    reader,
    observers: () => observers.values(),
    measured: (span) =>
      [...counters.values(), ...histograms.values()].map((one) => one.collect(span)).filter(({ dataPoints }) => dataPoints.length > 0),
  };
}

function entryOf(name: string, kind: MetricEntry['kind']): MetricEntry {
  const entry = Object.hasOwn(metricCatalogue, name) ? metricCatalogue[name] : undefined;
  if (entry === undefined)
    throw new TypeError(`metric ${name} is not in the catalogue: add it to telemetry/catalogue.ts and docs/metrics.md`);
  if (entry.kind !== kind) throw new TypeError(`metric ${name} is a ${entry.kind} in the catalogue, not a ${kind}`);
  return entry;
}

/** A collector that fails costs its own samples and nobody else's. */
function sampled(fn: () => readonly Sample[]): readonly Sample[] {
  try {
    return fn().filter((sample) => Number.isFinite(sample.value));
  } catch {
    return [];
  }
}

const unlabelled: Labels = {};

/** Answers one object for equal labels. Lets label sets through until there are `maxLabelSets` of them: the set itself must not become the leak. */
function createAdmission(name: string, refused: (limit: string) => void): (labels: Labels | undefined) => Labels | undefined {
  const seen = new Map<string, Labels>();
  // Labels that are one object for many samples are looked up by it: their key costs more than the sample.
  const byObject = new WeakMap<Labels, Labels>();
  const judge = (labels: Labels): Labels | undefined => {
    const admitted = cut(labels);
    const key = JSON.stringify(Object.entries(admitted).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = key === '[]' ? unlabelled : seen.get(key);
    if (known !== undefined) return known;
    if (seen.size >= maxLabelSets) {
      if (name !== refusedName) refused(`label_sets:${name}`);
      return undefined;
    }
    const kept = { ...admitted };
    seen.set(key, kept);
    return kept;
  };
  return (labels) => {
    if (labels === undefined) return unlabelled;
    const known = byObject.get(labels) ?? judge(labels);
    if (known !== undefined && Object.isFrozen(labels)) byObject.set(labels, known);
    return known;
  };
}

function cut(labels: Labels): Labels {
  if (Object.values(labels).every((value) => value.length <= maxLabelLength)) return labels;
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value.slice(0, maxLabelLength)]));
}

function getOrMake<T>(map: Map<string, T>, name: string, make: () => T): T {
  let value = map.get(name);
  if (value === undefined) {
    value = make();
    map.set(name, value);
  }
  return value;
}
