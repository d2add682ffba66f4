import type { Clock } from '../kernel/clock.ts';
import type { Metrics, Sample } from '../telemetry/types.ts';
import type { ResourceReader } from './resources.ts';
import type { Run } from './run.ts';
import { type ProcessView, processStates } from './types.ts';

interface Observed {
  readonly view: ProcessView;
  readonly run: Run | undefined;
}

/** The metrics `sboxagent_process_*`: one series (of the states: eight) a process, so as many as there are ids. */
export function observeProcesses(options: {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly observed: () => readonly Observed[];
  readonly resources: Pick<ResourceReader, 'sampled'>;
}): void {
  const { metrics, clock, observed, resources } = options;
  const labels = ({ view }: Observed): { process: string; engine: string } => ({ process: view.id, engine: view.engine });
  const gauge = (name: string, value: (run: Run) => number | undefined): void =>
    metrics.observe(`sboxagent_process_${name}`, { kind: 'gauge' }, () =>
      observed().flatMap((one): readonly Sample[] => {
        const sample = one.run === undefined ? undefined : value(one.run);
        return sample === undefined ? [] : [{ value: sample, labels: labels(one) }];
      }),
    );
  metrics.observe('sboxagent_process_state', { kind: 'gauge' }, () =>
    observed().flatMap((one) =>
      processStates.map((state) => ({ value: one.view.state === state ? 1 : 0, labels: { ...labels(one), state } })),
    ),
  );
  gauge('cpu_usage_ratio', (run) => resources.sampled(run)?.cpuUsageRatio);
  gauge('resident_memory_bytes', (run) => resources.sampled(run)?.residentMemoryBytes);
  gauge('open_fds', (run) => resources.sampled(run)?.openFds);
  gauge('uptime_seconds', (run) => Math.max(0, (clock.monotonicMs() - run.startedMs) / 1000));
  metrics.observe('sboxagent_process_restarts_total', { kind: 'counter' }, () =>
    observed().map((one) => ({ value: one.view.restartsTotal, labels: labels(one) })),
  );
}
