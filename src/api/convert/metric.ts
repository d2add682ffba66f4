/** Metrics: domain -> proto. */
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type Metric, Metric_Kind, MetricSchema } from '../../../gen/es/sboxagent/v1/metric_pb.js';
import type { HistoryPoint, Labels, MetricFamily, Rollup } from '../../telemetry/index.ts';
import { fromMs } from './time.ts';

export type RollupWithPoints = Rollup & { readonly points: readonly HistoryPoint[] };

export function metricMessage(family: MetricFamily, rollupsOf: (labels: Labels) => readonly RollupWithPoints[]): Metric {
  const { name, kind, unit, help } = family;
  const series = family.series.map((one) => ({
    ...{ labels: { ...one.labels }, value: one.value, count: one.count, sum: one.sum },
    rollups: rollupsOf(one.labels).map(({ windowMs, points, ...figures }) => ({
      ...{ window: durationFromMs(windowMs), ...figures },
      points: points.map(({ timeMs, ...seen }) => ({ time: fromMs(timeMs), ...seen })),
    })),
  }));
  return create(MetricSchema, { name, kind: Metric_Kind[kind], unit, help, series });
}
