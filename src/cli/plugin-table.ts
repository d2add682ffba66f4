import type { Plugin } from '../../gen/ts/sboxagent/v1/plugin.ts';
import { durationJson } from './json-shape.ts';
import { age } from './process-table.ts';
import { type Colour, type Column, card, listTable, type Style, table } from './table.ts';

const colourOf: Partial<Record<Plugin['state'], Colour>> = {
  ACTIVE: 'green',
  STARTING: 'yellow',
  DEGRADED: 'yellow',
  RECOVERING: 'yellow',
  UNHEALTHY: 'red',
  STOPPED: 'dim',
  DISABLED: 'dim',
  UNKNOWN: 'dim',
};

export function pluginJson(plugin: Plugin): object {
  return { ...plugin, cadence: plugin.cadence === undefined ? undefined : durationJson(plugin.cadence) };
}

export function pluginTable(plugins: readonly Plugin[], nowMs: number, style: Style): string {
  const columns: readonly Column<Plugin>[] = [
    { title: 'ID', cell: (p) => p.id, whole: true },
    { title: 'KIND', cell: (p) => (p.kind === 'KIND_UNSPECIFIED' ? '' : p.kind) },
    { title: 'STATE', cell: (p) => p.state, colour: (p) => colourOf[p.state] },
    { title: 'SEEN', cell: (p) => (p.last_seen === undefined ? '' : age(nowMs - Date.parse(p.last_seen))) },
    { title: 'CALLS', cell: (p) => String(p.calls?.count ?? 0), drop: 2 },
    { title: 'ERRORS', cell: (p) => String(p.calls?.errors ?? 0) },
    { title: 'CONFIG', cell: (p) => (p.config_revision === 0 ? '' : `${p.applied_config_revision}/${p.config_revision}`), drop: 1 },
    { title: 'MESSAGE', cell: (p) => [p.reason, p.message].filter((text) => text !== '').join(': ') },
  ];
  return listTable(columns, plugins, { style, none: 'No plugin has registered; docs/plugins.md says how one does.' });
}

/** One plugin in full: what is known of it, then its newest events. */
export function pluginCard(plugin: Plugin, nowMs: number, style: Style): string {
  const { health, calls, recovery } = plugin;
  const rows: readonly (readonly [string, string])[] = [
    ['id', plugin.id],
    ['name', plugin.name],
    ['kind', plugin.kind],
    ['version', plugin.version],
    ['state', plugin.state],
    ['reason', [plugin.reason, plugin.message].filter((text) => text !== '').join(': ')],
    ['enabled', String(plugin.enabled)],
    [
      'labels',
      Object.entries(plugin.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ],
    ['seen', plugin.last_seen === undefined ? '' : `${age(nowMs - Date.parse(plugin.last_seen))} ago`],
    ['lease', plugin.lease_expire_time === undefined ? '' : `until ${plugin.lease_expire_time}`],
    ['cadence', plugin.cadence === undefined ? '' : durationJson(plugin.cadence)],
    ['health', health === undefined ? '' : `${health.status}, ${health.consecutive_failures} failures in a row`],
    ['calls', calls === undefined ? '' : `${calls.count}, ${calls.errors} errors, p95 ${calls.p95_ms} ms`],
    ['config', plugin.config_revision === 0 ? '' : `revision ${plugin.config_revision}, applied ${plugin.applied_config_revision}`],
    ['process', plugin.process_id],
    [
      'recovery',
      recovery === undefined || recovery.budget === 0
        ? ''
        : `${recovery.attempts} of ${recovery.budget} steps, last ${recovery.last_action || 'none'}`,
    ],
  ];
  const shown = card(rows, style);
  if (plugin.recent_events.length === 0) return shown;
  const columns: readonly Column<Plugin['recent_events'][number]>[] = [
    { title: 'REVISION', cell: (e) => e.revision },
    { title: 'TIME', cell: (e) => e.time ?? '' },
    { title: 'TYPE', cell: (e) => e.type, least: 16 },
    { title: 'DATA', cell: (e) => JSON.stringify(e.data ?? {}) },
  ];
  return `${shown}\n${table(columns, plugin.recent_events, style)}`;
}
