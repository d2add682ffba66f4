import type { Process, Process_Exit } from '../../gen/ts/sboxagent/v1/process.ts';
import { formatDuration } from '../kernel/duration.ts';
import { shortSize } from './short-size.ts';
import { type Colour, type Column, listTable, type Style } from './table.ts';

const colourOf: Partial<Record<Process['state'], Colour>> = {
  READY: 'green',
  RUNNING: 'green',
  STARTING: 'yellow',
  STOPPING: 'yellow',
  BACKOFF: 'yellow',
  EXITED: 'dim',
  STOPPED: 'dim',
  CRASH_LOOP: 'red',
};

export function stateColour(state: Process['state']): Colour | undefined {
  return colourOf[state];
}

/** Whole seconds; from an hour on whole minutes. */
export function age(ms: number): string {
  const step = ms < 3_600_000 ? 1000 : 60_000;
  return formatDuration(Math.max(0, Math.floor(ms / step) * step));
}

export function exitWords(exit: Process_Exit): string {
  return exit.signal === '' ? `code ${exit.code ?? '?'}` : exit.signal;
}

export function processTable(processes: readonly Process[], nowMs: number, style: Style): string {
  const columns: readonly Column<Process>[] = [
    { title: 'ID', cell: (p) => p.id, whole: true },
    { title: 'STATE', cell: (p) => p.state, colour: (p) => stateColour(p.state) },
    { title: 'PID', cell: (p) => (p.pid === 0 ? '' : String(p.pid)) },
    { title: 'UP', cell: (p) => (p.pid === 0 || p.start_time === undefined ? '' : age(nowMs - Date.parse(p.start_time))) },
    { title: 'RESTARTS', cell: (p) => String(p.restart_count), drop: 2 },
    { title: 'LAST EXIT', cell: ({ exit }) => (exit === undefined ? '' : exitWords(exit)) },
    { title: 'RUNS', cell: (p) => p.engine || (p.command[0] ?? ''), least: 8, drop: 1 },
    {
      title: 'CPU',
      cell: ({ resources }) => (resources === undefined ? '' : `${(resources.cpu_usage_ratio * 100).toFixed(1)}%`),
      wide: true,
    },
    { title: 'MEMORY', cell: ({ resources }) => (resources === undefined ? '' : shortSize(resources.resident_memory_bytes)), wide: true },
    { title: 'CONFIG', cell: (p) => p.config_path, wide: true },
    { title: 'REVISION', cell: (p) => (p.config_revision === 0 ? '' : String(p.config_revision)), wide: true },
    { title: 'MESSAGE', cell: (p) => p.message || p.reason },
  ];
  return listTable(columns, processes, { style, none: 'No process is declared; `sboxagent init` writes a first configuration.' });
}
