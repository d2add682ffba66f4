import type { Clock } from '../kernel/clock.ts';
import type { Metrics, Sample } from '../telemetry/types.ts';
import type { EngineFigures } from './figures.ts';
import type { ResourceReader } from './resources.ts';
import type { Run } from './run.ts';
import { type ProcessView, processStates } from './types.ts';

interface Observed {
  readonly view: ProcessView;
  readonly run: Run | undefined;
  /** What its engine said last of its traffic. */
  readonly figures: EngineFigures | undefined;
}

/** The metrics `sboxagent_process_*` and `sboxagent_engine_*`: one series (of the states: eight) a process, so as many as there are ids. */
export function registerInstruments(
  metrics: Metrics,
  observed: () => readonly Observed[],
  { clock, resources: reader }: { readonly clock: Clock; readonly resources: ResourceReader },
): void {
  const labels = ({ view }: Observed): { process: string; engine: string } => ({ process: view.id, engine: view.engine });
  const running = (value: (o: Observed & { readonly run: Run }) => number | undefined) => (): readonly Sample[] =>
    observed().flatMap((o) => {
      const sample = o.run === undefined ? undefined : value({ ...o, run: o.run });
      return sample === undefined ? [] : [{ value: sample, labels: labels(o) }];
    });
  metrics.observe('sboxagent_process_state', { kind: 'gauge' }, () =>
    observed().flatMap((o) => processStates.map((state) => ({ value: o.view.state === state ? 1 : 0, labels: { ...labels(o), state } }))),
  );
  metrics.observe(
    'sboxagent_process_cpu_usage_ratio',
    { kind: 'gauge' },
    running((o) => reader.sampled(o.run)?.cpuUsageRatio),
  );
  metrics.observe(
    'sboxagent_process_resident_memory_bytes',
    { kind: 'gauge' },
    running((o) => reader.sampled(o.run)?.residentMemoryBytes),
  );
  metrics.observe(
    'sboxagent_process_open_fds',
    { kind: 'gauge' },
    running((o) => reader.sampled(o.run)?.openFds),
  );
  metrics.observe(
    'sboxagent_process_uptime_seconds',
    { kind: 'gauge' },
    running((o) => Math.max(0, (clock.monotonicMs() - o.run.startedMs) / 1000)),
  );
  metrics.observe('sboxagent_process_restarts_total', { kind: 'counter' }, () =>
    observed().map((o) => ({ value: o.view.restartsTotal, labels: labels(o) })),
  );
  const told = (value: (figures: EngineFigures) => number | undefined) => (): readonly Sample[] =>
    observed().flatMap(({ view, figures }) => {
      const sample = figures === undefined ? undefined : value(figures);
      return sample === undefined ? [] : [{ value: sample, labels: { process: view.id } }];
    });
  metrics.observe(
    'sboxagent_engine_connections',
    { kind: 'gauge' },
    told((figures) => figures.connections),
  );
  metrics.observe(
    'sboxagent_engine_transmit_bytes_total',
    { kind: 'counter' },
    told((figures) => figures.transmitBytes),
  );
  metrics.observe(
    'sboxagent_engine_receive_bytes_total',
    { kind: 'counter' },
    told((figures) => figures.receiveBytes),
  );
}
