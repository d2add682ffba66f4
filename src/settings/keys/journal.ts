import { defaultSecretNames } from '../../kernel/redaction.ts';
import { boolean, choice, duration, integer, KIB, key, live, number, size, TIB, text, texts, writable, YEARS_MS } from './kinds.ts';
import type { Key } from './types.ts';

const rows: readonly Key[] = [
  key(
    'events.durability',
    choice('full', 'relaxed'),
    'full',
    'full: acknowledged events survive a loss of power; relaxed: the end of the agent.',
  ),
  live('events.retention.age', duration(1000, YEARS_MS), '7d', 'How long events are kept.'),
  live('events.retention.bytes', size(64 * KIB, TIB), '256MiB', 'How many bytes of events are kept.'),
  live('events.retention.count', integer(1, 100_000_000), 100_000, 'How many events are kept.'),
  key('events.redact.enabled', boolean, true, 'Whether values under secret names are stored as ***.'),
  key('events.redact.names', texts(/^\S{1,100}$/, 'a name'), defaultSecretNames, 'Those names.'),
  live('logs.retention', duration(1000, YEARS_MS), '30d', 'How long log lines are kept.'),
  live('logs.max_bytes_per_source', size(64 * KIB, TIB), '100MiB', 'Bytes in total per source.'),
  live('logs.files', integer(2, 1000), 10, 'In that many files.'),
  key(
    'telemetry.otlp_endpoint',
    text(/^https?:\/\/[^\s]+$/, 'a base URL as in http://127.0.0.1:4318'),
    undefined,
    'Base URL of an OTLP/HTTP collector. Default: none.',
  ),
  key('telemetry.sample_ratio', number(0, 1), 1, 'Share of traces that are sent.'),
  live('traces.enabled', boolean, true, 'Whether spans are kept: see docs/traces.md.'),
  live('traces.retention.age', duration(1000, YEARS_MS), '7d', 'How long spans are kept.'),
  live('traces.retention.bytes', size(64 * KIB, TIB), '64MiB', 'How many bytes of spans are kept.'),
  live('audit.enabled', boolean, true, 'Whether calls that change something are written down: see docs/audit.md.'),
  live('audit.retention.age', duration(1000, YEARS_MS), '90d', 'How long entries of the audit are kept.'),
  live('audit.retention.bytes', size(64 * KIB, TIB), '64MiB', 'How many bytes of them are kept.'),
];

/** `events`, `logs`, `telemetry`, `traces` and `audit`: what is kept and sent. The audit is the admin's alone. */
export const journalKeys = writable(rows, ['events.durability', 'events.retention.*', 'logs.*', 'telemetry.sample_ratio', 'traces.*']);
