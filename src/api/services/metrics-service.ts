/** MetricsService: the registry as messages. */
import type { Duration } from '@bufbuild/protobuf/wkt';
import { type Metric, MetricSchema } from '../../../gen/es/sboxagent/v1/metric_pb.js';
import type { MetricsService } from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { formatDuration } from '../../kernel/duration.ts';
import { invalid } from '../../kernel/errors.ts';
import { compileGlob } from '../../kernel/glob.ts';
import { historyWindows, type Labels } from '../../telemetry/index.ts';
import { encodeMessage } from '../codec/binary.ts';
import type { Fields } from '../codec/fields.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

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

/** There is no next page: with what stands around them, metrics must stay below the 4 MiB that clients of gRPC take. */
const maxAnswerBytes = 3 << 20;

/** Throws INVALID_REQUEST for more than one message may carry. */
function assertSize(messages: readonly Fields<Metric>[]): void {
  let bytes = 0;
  for (const message of messages) bytes += encodeMessage(MetricSchema, message).length;
  if (bytes <= maxAnswerBytes) return;
  const message = `ask for more than one answer holds (${bytes} of ${maxAnswerBytes} bytes): ask by names, labels or fewer windows`;
  throw invalid([{ field: 'names', message, rule: 'message.max_bytes' }]);
}

export function metricsService({ metrics }: Pick<ServiceDeps, 'metrics'>): ServiceOf<typeof MetricsService> {
  return {
    async getMetrics({ names, labels, windows, points }) {
      const asked = windowsOf(windows);
      const globs = names.map(compileGlob);
      const wanted = Object.entries(labels);
      const families = (await metrics.snapshot()).filter(({ name }) => globs.length === 0 || globs.some((matches) => matches(name)));
      const messages = families.flatMap((family) => {
        const kept = family.series.filter((one) => wanted.every(([key, value]) => one.labels[key] === value));
        const pointsOf = (labels: Labels, windowMs: number) => (points ? metrics.points(family.name, labels, windowMs) : []);
        const series = kept.map((one) => ({
          ...one,
          rollups: metrics
            .rollups(family.name, one.labels, asked)
            .map((rollup) => ({ ...rollup, points: pointsOf(one.labels, rollup.windowMs) })),
        }));
        return kept.length === 0 ? [] : [{ ...family, series }];
      });
      assertSize(messages);
      return { metrics: messages, timeMs: metrics.wallMs() };
    },
  };
}
