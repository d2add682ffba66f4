import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../kernel/clock.ts';
import type { Metrics } from './types.ts';

const resolutionMs = 100;
const windowMs = 60_000;

/** Build, age and event loop of the agent itself. Answers how to stop. */
export function observeRuntime(options: {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly version: string;
  readonly commit: string;
}): () => void {
  const { metrics, clock, version, commit } = options;
  const startMs = clock.monotonicMs();
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const cancel = clock.every(windowMs, () => delay.reset());
  // The histogram holds whole intervals of its timer: what is over the resolution is the delay.
  const seconds = (nanoseconds: number): number => (delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000));
  metrics.observe('sboxagent_build_info', { kind: 'gauge' }, () => [
    { value: 1, labels: { version, commit, node_version: process.versions.node } },
  ]);
  metrics.observe('sboxagent_up_seconds', { kind: 'gauge' }, () => [{ value: (clock.monotonicMs() - startMs) / 1000 }]);
  metrics.observe('sboxagent_event_loop_delay_seconds', { kind: 'gauge' }, () => [
    { value: seconds(delay.percentile(50)), labels: { stat: 'p50' } },
    { value: seconds(delay.percentile(99)), labels: { stat: 'p99' } },
    { value: seconds(delay.max), labels: { stat: 'max' } },
  ]);
  return () => {
    cancel();
    delay.disable();
  };
}
