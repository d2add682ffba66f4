import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Metric, Metric_Series } from '../../../gen/es/sboxagent/v1/metric_pb.js';
import { type Deps, whileOpen } from './processes.ts';
import { every } from './time.ts';

/** What one process uses at the moment. */
export interface ProcessFigures {
  readonly cpuRatio: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Bytes a second through the engine, where its API counts them. */
  readonly receiveRate: number | undefined;
  readonly transmitRate: number | undefined;
  readonly connections: number | undefined;
}

export interface Figures {
  readonly byProcess: ReadonlySignal<ReadonlyMap<string, ProcessFigures>>;
}

const everyMs = 15_000;
const names = [
  'sboxagent_process_cpu_usage_ratio',
  'sboxagent_process_resident_memory_bytes',
  'sboxagent_engine_receive_bytes_total',
  'sboxagent_engine_transmit_bytes_total',
  'sboxagent_engine_connections',
];
/** Rates are over five minutes, the shortest window that the agent keeps. */
const windows = [{ seconds: 300n, nanos: 0 }];

/** Of all processes at once, once each interval in which the agent samples them. */
export function createFigures({ session, clients }: Deps): Figures {
  const byProcess = signal<ReadonlyMap<string, ProcessFigures>>(new Map());
  let before: { readonly atMs: number; readonly totals: ReadonlyMap<string, number> } | undefined;
  const read = async (): Promise<void> => {
    const { metrics, time } = await clients.metrics.getMetrics({ names, windows });
    const atMs = time === undefined ? 0 : timestampMs(time);
    const totals = new Map(
      metrics
        .filter(({ name }) => name.endsWith('_total'))
        .flatMap(({ name, series }) => series.map((one) => [keyOf(name, one), one.value])),
    );
    byProcess.value = figuresOf(metrics, (name, series) =>
      rateOf(series, before?.totals.get(keyOf(name, series)), atMs - (before?.atMs ?? atMs)),
    );
    before = { atMs, totals };
  };
  const look = (): void => void read().catch(() => {});
  whileOpen(session, (stop) => {
    look();
    stop.addEventListener('abort', every(everyMs, look));
  });
  return { byProcess };
}

function keyOf(name: string, series: Metric_Series): string {
  return `${name} ${series.labels['process'] ?? ''}`;
}

/** Since our last look, else what the agent saw in the last minutes. */
function rateOf(series: Metric_Series, before: number | undefined, elapsedMs: number): number | undefined {
  if (before !== undefined && elapsedMs > 0 && series.value >= before) return ((series.value - before) / elapsedMs) * 1000;
  return series.rollups[0]?.rate;
}

function figuresOf(
  metrics: readonly Metric[],
  rate: (name: string, series: Metric_Series) => number | undefined,
): ReadonlyMap<string, ProcessFigures> {
  const found = new Map<string, Map<string, Metric_Series>>();
  for (const { name, series } of metrics) {
    for (const one of series) {
      const id = one.labels['process'] ?? '';
      const own = found.get(id) ?? new Map<string, Metric_Series>();
      found.set(id, own.set(name, one));
    }
  }
  const rateIn = (own: ReadonlyMap<string, Metric_Series>, name: string): number | undefined => {
    const series = own.get(name);
    return series === undefined ? undefined : rate(name, series);
  };
  return new Map(
    [...found].map(([id, own]) => [
      id,
      {
        cpuRatio: own.get('sboxagent_process_cpu_usage_ratio')?.value,
        memoryBytes: own.get('sboxagent_process_resident_memory_bytes')?.value,
        receiveRate: rateIn(own, 'sboxagent_engine_receive_bytes_total'),
        transmitRate: rateIn(own, 'sboxagent_engine_transmit_bytes_total'),
        connections: own.get('sboxagent_engine_connections')?.value,
      },
    ]),
  );
}
