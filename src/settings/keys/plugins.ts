import { boolean, duration, integer, key, live, writable, YEARS_MS } from './kinds.ts';
import { pluginUnitKeyTable } from './plugin-unit.ts';
import type { Key } from './types.ts';

const rows: readonly Key[] = [
  key('plugins.enabled', boolean, true, 'Whether plugins are served.'),
  live('plugins.health_check.enabled', boolean, true, 'Whether the health of plugins is judged.'),
  live('plugins.health_check.interval', duration(100), '60s', 'How often.'),
  live('plugins.health_check.timeout', duration(100), '10s', 'How long a check may take.'),
  live('plugins.health_check.retries', integer(1, 1000), 3, 'Failures in a row that make a plugin UNHEALTHY.'),
  live('plugins.event_collection.enabled', boolean, true, 'Whether events of plugins are taken.'),
  live('plugins.event_collection.buffer_size', integer(1, 1_000_000), 1000, 'Events that may wait in memory.'),
  live('plugins.event_collection.flush_interval', duration(1), '5s', 'How long they may wait.'),
  live('plugins.configuration.auto_reload', boolean, true, 'Whether changed documents of plugins are read again.'),
  live('plugins.configuration.validation', boolean, true, 'Whether they are judged by their schema.'),
  live('plugins.configuration.backup_enabled', boolean, true, 'Whether they are backed up before a change.'),
  live('plugins.configuration.backup_retention', duration(1000, YEARS_MS), '7d', 'How long backups are kept.'),
  live('plugins.units', { kind: 'units', keys: pluginUnitKeyTable }, {}, 'Plugins that sboxagent runs, by id.'),
  live('plugins.limits.plugins', integer(1, 10_000), 1000, 'Plugins that are known at once.'),
  live('plugins.limits.labels', integer(0, 1000), 32, 'Labels of one plugin.'),
];

/** `plugins`. */
export const pluginKeys = writable(rows, [
  'plugins.enabled',
  'plugins.health_check.*',
  'plugins.event_collection.*',
  'plugins.configuration.*',
  'plugins.limits.*',
]);
