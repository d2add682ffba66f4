import type { Metric } from '../../gen/ts/sboxagent/v1/metric.ts';
import type { Process } from '../../gen/ts/sboxagent/v1/process.ts';
import type { topOrders } from './command-spec.ts';
import { stateColour } from './process-table.ts';
import { shortSize } from './short-size.ts';
import { type Column, type Style, table } from './table.ts';

/** A process with its figures, as `-o json` prints it. What is not counted is absent. */
export interface TopRow {
  readonly id: string;
  readonly engine: string;
  readonly state: Process['state'];
  readonly pid: number;
  readonly cpu_usage_ratio: number | undefined;
  readonly resident_memory_bytes: number | undefined;
  readonly open_fds: number | undefined;
  readonly restart_count: number;
  readonly connections: number | undefined;
  /** In the newest 15 seconds that were looked at, or since the look before where the agent looks less often. */
  readonly transmit_bytes_per_second: number | undefined;
  readonly receive_bytes_per_second: number | undefined;
}

/** The metrics that a look needs, besides the processes. */
export const topMetrics = ['sboxagent_system_*', 'sboxagent_engine_*', 'sboxagent_up_seconds'];

export type TopOrder = (typeof topOrders)[number];

const sortKeys: Readonly<Record<Exclude<TopOrder, 'id'>, (row: TopRow) => number | undefined>> = {
  cpu: (row) => row.cpu_usage_ratio,
  memory: (row) => row.resident_memory_bytes,
  up: (row) => row.transmit_bytes_per_second,
  down: (row) => row.receive_bytes_per_second,
  restarts: (row) => row.restart_count,
};

export function topRows(processes: readonly Process[], metrics: readonly Metric[]): TopRow[] {
  const series = (name: string, id: string): Metric['series'][number] | undefined =>
    metrics.find((metric) => metric.name === `sboxagent_engine_${name}`)?.series.find(({ labels }) => labels['process'] === id);
  return processes.map(({ id, engine, state, pid, resources, restart_count }) => ({
    ...{ id, engine, state, pid, restart_count },
    cpu_usage_ratio: resources?.cpu_usage_ratio,
    resident_memory_bytes: resources?.resident_memory_bytes,
    open_fds: resources?.open_fds,
    connections: series('connections', id)?.value,
    transmit_bytes_per_second: newestRate(series('transmit_bytes_total', id)),
    receive_bytes_per_second: newestRate(series('receive_bytes_total', id)),
  }));
}

/** A window's own rate is a mean over all of it: minutes after a download it would still show one. */
function newestRate(series: Metric['series'][number] | undefined): number | undefined {
  return series?.rollups[0]?.points.at(-1)?.rate;
}

/** Greatest first, by id where they are equal; what is not counted comes last. */
export function sortRows(rows: readonly TopRow[], order: TopOrder): TopRow[] {
  const byId = (a: TopRow, b: TopRow): number => (a.id < b.id ? -1 : 1);
  if (order === 'id') return rows.toSorted(byId);
  const key = sortKeys[order];
  return rows.toSorted((a, b) => (key(b) ?? -1) - (key(a) ?? -1) || byId(a, b));
}

/** Those whose id, engine or state has this text in it, whatever its case. */
export function filterRows(rows: readonly TopRow[], text: string): TopRow[] {
  const wanted = text.toLowerCase();
  return rows.filter(({ id, engine, state }) => [id, engine, state].some((word) => word.toLowerCase().includes(wanted)));
}

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)}%`;
const shown = (value: number | undefined, write: (value: number) => string): string => (value === undefined ? '' : write(value));

const columns: readonly Column<TopRow>[] = [
  { title: 'ID', cell: ({ id }) => id, whole: true },
  { title: 'STATE', cell: ({ state }) => state, colour: ({ state }) => stateColour(state), drop: 2 },
  { title: 'CPU', cell: (row) => shown(row.cpu_usage_ratio, percent) },
  { title: 'MEMORY', cell: (row) => shown(row.resident_memory_bytes, shortSize), drop: 1 },
  { title: 'UP/S', cell: (row) => shown(row.transmit_bytes_per_second, shortSize), drop: 3 },
  { title: 'DOWN/S', cell: (row) => shown(row.receive_bytes_per_second, shortSize), drop: 3 },
  { title: 'CONNS', cell: (row) => shown(row.connections, String), drop: 5 },
  { title: 'FDS', cell: (row) => shown(row.open_fds, String), drop: 6 },
  { title: 'RESTARTS', cell: (row) => String(row.restart_count), drop: 4 },
  { title: 'RUNS', cell: ({ engine }) => engine || 'command', drop: 7 },
];

/** The machine in one line, then as many rows as the screen has room for. */
export function topScreen(rows: readonly TopRow[], metrics: readonly Metric[], style: Style & { readonly height: number }): string {
  const value = (name: string): number | undefined =>
    metrics.find((metric) => metric.name === `sboxagent_system_${name}`)?.series[0]?.value;
  const of = (used: string, total: string): string => `${shown(value(used), shortSize) || '?'}/${shown(value(total), shortSize) || '?'}`;
  const machine = [
    `cpu ${shown(value('cpu_usage_ratio'), percent) || '?'}`,
    `load ${shown(value('load1'), (load) => load.toFixed(2)) || '?'}`,
    `memory ${of('memory_used_bytes', 'memory_total_bytes')}`,
    `disk ${of('disk_used_bytes', 'disk_total_bytes')}`,
    `${rows.length} ${rows.length === 1 ? 'process' : 'processes'}`,
  ].reduce((line, part) => (line.length + 2 + part.length <= style.width ? `${line}  ${part}` : line));
  const room = Math.max(1, style.height - 4);
  const left = rows.length - room;
  const more = left > 0 ? `… ${left} more\n` : '';
  return `${machine.slice(0, style.width)}\n\n${table(columns, rows.slice(0, room), style)}${more}`;
}
