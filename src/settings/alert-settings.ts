import type { Item } from './entries.ts';
import type { AlertRuleSettings, SeverityName, WebhookSettings } from './types.ts';

type EventRule = Extract<AlertRuleSettings, { kind: 'event' }>;

export function toRule({ entries }: Item): AlertRuleSettings {
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  const common = {
    name: get<string>('name'),
    severity: get<SeverityName>('severity'),
    summary: get<string>('summary'),
    runbookUrl: get<string | undefined>('runbook_url'),
  };
  if (entries.has('event')) return { ...common, kind: 'event', filter: toFilter(get), count: get('count'), windowMs: get('window') };
  const comparison = entries.has('above') ? 'above' : 'below';
  return {
    ...common,
    kind: 'metric',
    metric: get('metric'),
    labels: get('labels'),
    comparison,
    threshold: get(comparison),
    forMs: get('for'),
  };
}

function toFilter(get: <T>(path: string) => T): EventRule['filter'] {
  const fields = {
    types: 'types',
    sources: 'sources',
    subjects: 'subjects',
    minSeverity: 'min_severity',
    traceId: 'trace_id',
    text: 'text',
  };
  const values = Object.entries(fields).map(([field, key]) => [field, get(`event.${key}`)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

export function toWebhook({ entries }: Item): WebhookSettings {
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  return {
    name: get('name'),
    url: get('url'),
    format: get('format'),
    secret: get('secret'),
    minSeverity: get('min_severity'),
    timeoutMs: get('timeout'),
  };
}
