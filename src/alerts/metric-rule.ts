import type { AlertRuleSettings } from '../settings/types.ts';
import type { Labels, MetricReader, Sample } from '../telemetry/types.ts';
import type { Moment, OwnRule } from './own-rule.ts';
import type { Finding } from './types.ts';

type Settings = AlertRuleSettings & { readonly kind: 'metric' };

/** Holds a metric against a threshold: each label set fires by itself when it was beyond it for long enough. */
export function metricRule(settings: Settings, metrics: MetricReader): OwnRule {
  const { comparison, threshold, forMs } = settings;
  /** Since when each subject has been beyond, monotonic. As many as the metric has samples. */
  let since = new Map<string, number>();
  const beyond = (value: number): boolean => (comparison === 'above' ? value > threshold : value < threshold);

  const findings = ({ nowMs, firing, young }: Moment): readonly Finding[] => {
    const samples = subjectsOf(settings, metrics);
    const still = new Map<string, number>();
    const found: Finding[] = [];
    for (const { subject, sample } of samples) {
      if (!beyond(sample.value)) continue;
      const fromMs = since.get(subject) ?? nowMs;
      still.set(subject, fromMs);
      // What fires goes on firing after a restart of the agent, without waiting again.
      if (nowMs - fromMs >= forMs || firing.has(subject)) found.push(findingOf(settings, subject, sample));
    }
    since = still;
    if (young) found.push(...unmeasured(settings, samples, firing));
    return found;
  };
  return { settings, windowMs: 0, mayCount: () => false, offer: () => false, findings };
}

/** Subjects that fire and have no sample yet: plugins report in their own time after a restart of the agent. */
function unmeasured(settings: Settings, samples: readonly { subject: string }[], firing: ReadonlySet<string>): Finding[] {
  const measured = new Set(samples.map(({ subject }) => subject));
  return [...firing].filter((subject) => !measured.has(subject)).map((subject) => ({ subject, summary: summaryOf(settings) }));
}

function findingOf(settings: Settings, subject: string, { value, labels = {} }: Sample): Finding {
  return { subject, summary: summaryOf(settings), labels, value, threshold: settings.threshold };
}

function summaryOf({ summary, metric, comparison, threshold }: Settings): string {
  return summary || `${metric} is ${comparison} ${threshold}`;
}

/** A subject is the process or plugin of a sample where that tells the samples apart, else all the labels. */
function subjectsOf({ metric, labels }: Settings, metrics: MetricReader): readonly { subject: string; sample: Sample }[] {
  const wanted = Object.entries(labels);
  const samples = metrics.current(metric).filter((sample) => wanted.every(([key, value]) => sample.labels?.[key] === value));
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const short = owner(sample.labels);
    if (short !== undefined) counts.set(short, (counts.get(short) ?? 0) + 1);
  }
  return samples.map((sample) => {
    const short = owner(sample.labels);
    return { subject: short !== undefined && counts.get(short) === 1 ? short : joined(sample.labels, metric), sample };
  });
}

function owner(labels: Labels = {}): string | undefined {
  return labels['process'] || labels['plugin'] || undefined;
}

function joined(labels: Labels = {}, metric: string): string {
  const parts = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return parts.map(([key, value]) => `${key}=${value}`).join(',') || metric;
}
