import type { Meter } from '@opentelemetry/api';
import { type MetricEntry, metricCatalogue } from './catalogue.ts';
import type { Observer } from './observers.ts';
import type { Counter, Histogram, Labels, Metrics, Sample } from './types.ts';

/** Label sets that one metric may have; further ones are refused and counted. */
export const maxLabelSets = 1000;
const maxLabelLength = 256;
const refusedName = 'sboxagent_limit_refused_total';

interface Instruments {
  readonly metrics: Metrics;
  /** What is observed, for the producer that the readers ask. */
  readonly observers: () => Iterable<Observer>;
}

/** The metrics of the catalogue over an OTel meter. `text` gives the Prometheus text. */
export function createMetrics(meter: Meter, text: () => Promise<string>): Instruments {
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const observers = new Map<string, Observer & { readonly functions: (() => readonly Sample[])[] }>();
  const refused = (limit: string): void => metrics.counter(refusedName).add(1, { limit });

  const counter = (name: string): Counter => {
    const entry = entryOf(name, 'counter');
    const instrument = meter.createCounter(entry.otelName ?? name, instrumentOptions(entry));
    const admit = createAdmission(name, refused);
    // A counter without labels is there from the start, so that a rate over its first rise is not lost.
    if (entry.labels.length === 0) instrument.add(0);
    return {
      add(n, labels) {
        const admitted = admit(labels);
        if (admitted !== undefined && n >= 0) instrument.add(n, admitted);
      },
    };
  };

  const histogram = (name: string): Histogram => {
    const entry = entryOf(name, 'histogram');
    const instrument = meter.createHistogram(entry.otelName ?? name, instrumentOptions(entry));
    const admit = createAdmission(name, refused);
    return {
      record(value, labels) {
        const admitted = admit(labels);
        if (admitted !== undefined && Number.isFinite(value)) instrument.record(value, admitted);
      },
    };
  };

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
  return { metrics, observers: () => observers.values() };
}

function entryOf(name: string, kind: MetricEntry['kind']): MetricEntry {
  const entry = Object.hasOwn(metricCatalogue, name) ? metricCatalogue[name] : undefined;
  if (entry === undefined)
    throw new TypeError(`metric ${name} is not in the catalogue: add it to telemetry/catalogue.ts and docs/metrics.md`);
  if (entry.kind !== kind) throw new TypeError(`metric ${name} is a ${entry.kind} in the catalogue, not a ${kind}`);
  return entry;
}

function instrumentOptions(entry: MetricEntry): { description: string; unit?: string; advice?: { explicitBucketBoundaries: number[] } } {
  return {
    description: entry.help,
    ...(entry.unit === undefined ? {} : { unit: entry.unit }),
    ...(entry.buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...entry.buckets] } }),
  };
}

/** A collector that fails costs its own samples and nobody else's. */
function sampled(fn: () => readonly Sample[]): readonly Sample[] {
  try {
    return fn().filter((sample) => Number.isFinite(sample.value));
  } catch {
    return [];
  }
}

/** Lets label sets through until there are `maxLabelSets` of them: the set itself must not become the leak. */
function createAdmission(name: string, refused: (limit: string) => void): (labels: Labels | undefined) => Labels | undefined {
  const seen = new Set<string>();
  return (labels) => {
    if (labels === undefined) return {};
    const admitted = cut(labels);
    const key = JSON.stringify(Object.entries(admitted).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (seen.has(key)) return admitted;
    if (seen.size >= maxLabelSets) {
      if (name !== refusedName) refused(`label_sets:${name}`);
      return undefined;
    }
    seen.add(key);
    return admitted;
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
