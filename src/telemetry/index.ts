/**
 * What the agent tells of itself: logger, traces, metrics. Nothing here throws into a caller, waits for a collector or grows without a
 * bound; every metric stands in the catalogue. Only this room imports pino and the OTel SDK.
 * May be imported by every room but kernel, settings and cli. It imports kernel alone: the other rooms push their figures in.
 */
export { type MetricEntry, metricCatalogue } from './catalogue.ts';
export { historyWindows, openMetricHistory } from './history.ts';
export type { Destination } from './logger.ts';
export { startTelemetry, type TelemetryOptions } from './start.ts';
export { observeSystem } from './system.ts';
export type {
  CallSpan,
  Counter,
  CustomMetrics,
  CustomPoint,
  CustomRefusal,
  EndedCall,
  FinishedSpan,
  Histogram,
  HistoryPoint,
  Labels,
  Logger,
  LogLevel,
  MetricFamily,
  MetricHistory,
  MetricReader,
  Metrics,
  Rollup,
  Sample,
  SpanSink,
  Spans,
  Telemetry,
  WorkSpan,
} from './types.ts';
