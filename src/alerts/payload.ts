import { createHmac } from 'node:crypto';
import type { WebhookSettings } from '../settings/types.ts';
import type { AlertView } from './types.ts';

/** One POST. `url` has no userinfo: that is in the headers. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PayloadOptions {
  /** Name of the agent; empty = not said. */
  readonly agentName: string;
  /** The address of the page that says what to do about alerts of a rule. */
  readonly runbookOf: (rule: string) => string;
  readonly nowMs: number;
}

/** How long Alertmanager believes that an alert fires without hearing of it again. */
const firingForMs = 240_000;

/** The request that tells a webhook of alerts. Throws on an address that is none. */
export function postOf(webhook: WebhookSettings, alerts: readonly AlertView[], options: PayloadOptions): Post {
  const address = addressOf(webhook.url);
  const alertmanager = webhook.format === 'alertmanager';
  const url = new URL(address.url);
  if (alertmanager) url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  const { agentName } = options;
  const body = JSON.stringify(
    alertmanager
      ? alerts.map((alert) => alertmanagerAlert(alert, options))
      : { version: '1', ...(agentName !== '' && { agent: agentName }), alerts: alerts.map((alert) => jsonAlert(alert, options)) },
  );
  const { secret } = webhook;
  return {
    url: url.href,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'sboxagent',
      ...(address.authorization !== undefined && { authorization: address.authorization }),
      ...(secret !== undefined && { 'x-sboxagent-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
    },
    body,
  };
}

/** fetch takes no userinfo in an address. */
function addressOf(text: string): { readonly url: string; readonly authorization?: string } {
  const url = new URL(text);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { url: url.href };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function jsonAlert(alert: AlertView, { runbookOf }: PayloadOptions): object {
  const { acknowledged: seen } = alert;
  return {
    id: alert.id,
    rule: alert.rule,
    state: alert.state,
    severity: alert.severity,
    subject: alert.subject,
    summary: alert.summary,
    runbook_url: runbookOf(alert.rule),
    labels: alert.labels,
    start_time: iso(alert.startTimeMs),
    end_time: alert.endTimeMs === undefined ? null : iso(alert.endTimeMs),
    value: alert.value,
    threshold: alert.threshold,
    trace_id: alert.traceId,
    acknowledged: seen === undefined ? null : { by: seen.by, time: iso(seen.timeMs), comment: seen.comment },
  };
}

function alertmanagerAlert(alert: AlertView, { agentName, runbookOf, nowMs }: PayloadOptions): object {
  const own = Object.entries(alert.labels).map(([key, value]) => [labelName(key), value]);
  const endMs = alert.endTimeMs ?? Math.max(nowMs, alert.startTimeMs) + firingForMs;
  return {
    labels: {
      ...Object.fromEntries(own.filter(([, value]) => value !== '')),
      ...(agentName !== '' && { agent: agentName }),
      alertname: alert.rule,
      severity: alert.severity.toLowerCase(),
      subject: alert.subject,
    },
    annotations: {
      summary: alert.summary,
      runbook_url: runbookOf(alert.rule),
      id: alert.id,
      ...(alert.traceId !== '' && { trace_id: alert.traceId }),
      ...((alert.value !== 0 || alert.threshold !== 0) && { value: String(alert.value), threshold: String(alert.threshold) }),
    },
    startsAt: iso(alert.startTimeMs),
    endsAt: iso(endMs),
    generatorURL: `urn:sboxagent:alert:${alert.id}`,
  };
}

/** A label name as Prometheus has them. */
function labelName(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d|__|$)/, 'label_');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
