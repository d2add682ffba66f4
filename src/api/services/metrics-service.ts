/** MetricsService: the registry as messages. */
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { MetricsService } from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { formatDuration } from '../../kernel/duration.ts';
import { invalid } from '../../kernel/errors.ts';
import { compileGlob } from '../../kernel/glob.ts';
import { historyWindows, type MetricFamily, type MetricHistory } from '../../telemetry/index.ts';
import { metricMessage } from '../convert/metric.ts';
import { fromMs } from '../convert/time.ts';

export interface MetricsServiceDeps {
  readonly metrics: {
    snapshot(): Promise<readonly MetricFamily[]>;
    readonly rollups: MetricHistory['rollups'];
    readonly points: MetricHistory['points'];
    wallMs(): number;
  };
}

function windowsOf(asked: readonly Duration[]): readonly number[] {
  if (asked.length === 0) return historyWindows;
  const windows = asked.map(({ seconds, nanos }) => Number(seconds) * 1000 + nanos / 1e6);
  const known = historyWindows.map(formatDuration).join(', ');
  const violations = windows.flatMap((ms, i) =>
    historyWindows.includes(ms) ? [] : [{ field: `windows[${i}]`, message: `must be one of ${known}`, rule: 'windows' }],
  );
  if (violations.length > 0) throw invalid(violations);
  return windows;
}

export function metricsService({ metrics }: MetricsServiceDeps): ServiceImpl<typeof MetricsService> {
  return {
    async getMetrics({ names, labels, windows, points }) {
      const asked = windowsOf(windows);
      const globs = names.map(compileGlob);
      const wanted = Object.entries(labels);
      const families = (await metrics.snapshot()).filter(({ name }) => globs.length === 0 || globs.some((matches) => matches(name)));
      const kept = families
        .map((family) => ({ ...family, series: family.series.filter((one) => wanted.every(([key, value]) => one.labels[key] === value)) }))
        .filter(({ series }) => series.length > 0);
      return {
        metrics: kept.map(({ name, ...family }) =>
          metricMessage({ name, ...family }, (of) =>
            metrics
              .rollups(name, of, asked)
              .map((rollup) => ({ ...rollup, points: points ? metrics.points(name, of, rollup.windowMs) : [] })),
          ),
        ),
        time: fromMs(metrics.wallMs()),
      };
    },
  };
}
