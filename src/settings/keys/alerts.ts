import { choice, duration, integer, key, live, path, strings, text, texts, web, writable } from './kinds.ts';
import type { Key, KeyType } from './types.ts';

const name = text(
  /^[a-z0-9][a-z0-9._-]{0,62}$/,
  'a name of lower-case letters, digits, ".", "_", "-", at most 63, a letter or digit first',
);
const severity = choice('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL');
/** A page may be a file of the machine that has the Debian package. */
const address = text(/^(https?|file):\/\/\S{1,1000}$/, 'a URL as in https://example.org/runbooks');
const labels: KeyType = {
  kind: 'texts',
  names: { pattern: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/, what: 'a name of a label' },
  masked: false,
};
const forEvents = (row: Key): Key => ({ ...row, needs: ['event'] });
const forMetrics = (row: Key): Key => ({ ...row, needs: ['metric'] });

const ruleRows: readonly Key[] = [
  key('name', name, undefined, 'Needed; no two rules have the same.'),
  key(
    'event.types',
    texts(/^\S{1,256}$/, 'a glob of types of at most 256 characters'),
    undefined,
    'Globs of types: * within a segment, ** across. Exactly one of event and metric is given.',
  ),
  key('event.sources', strings, undefined, 'Sources, exact.'),
  key('event.subjects', strings, undefined, 'Subjects, exact.'),
  key('event.min_severity', severity, undefined, 'This severity or a worse one.'),
  key('event.trace_id', text(/^[0-9a-f]{32}$/, 'a trace id of 32 hex digits'), undefined, 'Exact.'),
  key('event.text', text(/^[^\0]{1,1024}$/, 'a text of at most 1024 characters'), undefined, 'Found in type, source, subject or data.'),
  forEvents(key('count', integer(1, 1_000_000), 1, 'Fires at so many events within the window.')),
  forEvents(key('window', duration(1000), '5m', 'That window; when it is empty the alert is resolved.')),
  key('metric', text(/^[A-Za-z_:][A-Za-z0-9_:]{0,199}$/, 'a name of a metric'), undefined, 'Name of a metric.'),
  forMetrics(key('labels', labels, {}, 'Labels that the series has.')),
  key(
    'above',
    { kind: 'threshold' },
    undefined,
    'Fires while the value is above this. Exactly one of above and below is given with metric.',
  ),
  key('below', { kind: 'threshold' }, undefined, 'Fires while the value is below this.'),
  forMetrics(key('for', duration(0), '0s', 'How long that must hold.')),
  key('severity', severity, 'WARNING', 'Severity of the alert.'),
  key('summary', { ...text(/^[^\0]{0,1024}$/, 'a text of at most 1024 characters'), empty: true }, '', 'What a person is told.'),
  key('runbook_url', address, undefined, 'The page that says what to do. Default: the one about alerts of a rule without a page.'),
];

/** The keys of a rule; exactly one of `event` and `metric` is given. */
export const ruleKeyTable = ruleRows.map((row): Key => ({ ...row, scope: 'config:write' }));

/** The keys of a webhook. */
export const webhookKeyTable: readonly Key[] = [
  key('name', name, undefined, 'Needed; no two webhooks have the same.'),
  key('url', web('https://example.org/hook'), undefined, 'Needed. Where it is posted.'),
  key('format', choice('json', 'alertmanager'), 'json', "json, or Alertmanager's v2 below its base URL."),
  key('secret_file', path, undefined, 'A file (0600) with the key of the signature. Default: not signed.'),
  key('min_severity', severity, 'WARNING', 'Lesser alerts are not sent.'),
  key('timeout', duration(100), '5s', 'How long a delivery may take.'),
];

const rows: readonly Key[] = [
  live('alerts.rules', { kind: 'list', keys: ruleKeyTable, most: 200 }, [], "Rules of one's own."),
  live('alerts.webhooks', { kind: 'list', keys: webhookKeyTable, most: 32 }, [], 'Where alerts are sent.'),
  live(
    'alerts.runbooks',
    address,
    'file:///usr/share/doc/sboxagent/docs/runbooks',
    'The address below which the pages of docs/runbooks are: webhooks name the page of each alert.',
  ),
];

/** `alerts`. A webhook says where what the agent knows is sent, and which file is its key: the list is the admin's as a whole. */
export const alertKeys = writable(rows, ['alerts.rules']);
