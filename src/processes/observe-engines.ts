import type { Metrics, Sample } from '../telemetry/types.ts';
import type { EngineFigures } from './figures.ts';

interface Observed {
  readonly view: { readonly id: string };
  /** What its engine said last of its traffic. */
  readonly figures: EngineFigures | undefined;
}

/** The metrics `sboxagent_engine_*`, by the engines' own APIs: a series a process whose engine counts. */
export function observeEngines(options: { readonly metrics: Metrics; readonly observed: () => readonly Observed[] }): void {
  const { metrics, observed } = options;
  const of = (value: (figures: EngineFigures) => number | undefined) => (): readonly Sample[] =>
    observed().flatMap(({ view, figures }) => {
      const sample = figures === undefined ? undefined : value(figures);
      return sample === undefined ? [] : [{ value: sample, labels: { process: view.id } }];
    });
  metrics.observe(
    'sboxagent_engine_connections',
    { kind: 'gauge' },
    of(({ connections }) => connections),
  );
  metrics.observe(
    'sboxagent_engine_transmit_bytes_total',
    { kind: 'counter' },
    of(({ transmitBytes }) => transmitBytes),
  );
  metrics.observe(
    'sboxagent_engine_receive_bytes_total',
    { kind: 'counter' },
    of(({ receiveBytes }) => receiveBytes),
  );
}
