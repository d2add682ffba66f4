import { context, metrics as globalMetrics, logs, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { IMetricReader, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { CollectorWatch } from './collector-watch.ts';
import { type LogSender, logSender } from './log-sender.ts';
import type { Environment, OtlpPlan } from './otlp.ts';
import { sizedAgent } from './sized-agent.ts';

/** How long one export may take: also what a collector that does not answer can hold back. */
const exportTimeoutMs = 3000;

export interface NodeSdkOptions {
  readonly plan: OtlpPlan;
  readonly env: Environment;
  readonly version: string;
  readonly resource: Resource;
  readonly producer: MetricProducer;
  readonly collector: CollectorWatch;
}

export interface StartedSdk {
  /** Undefined where no logs are sent. */
  readonly logs: LogSender | undefined;
  /** Takes a span that has ended. */
  send(span: ReadableSpan): void;
  /** Sends what waits. Answers what went wrong, one entry a part; never throws. */
  shutdown(): Promise<readonly unknown[]>;
}

/**
 * OpenTelemetry's NodeSDK, which puts tracing and OTLP together. Its entry costs a quarter of a second, so it is imported only where there
 * is a collector. Everything that it would take from the environment by itself is given: without a list of processors for logs it would post logs to
 * localhost. It registers what it makes globally, which is undone at once, so that several can live in one program. Queues hold at most
 * OTEL_BSP_MAX_QUEUE_SIZE (2048) spans and one export at a time runs, so that a dead or deaf collector costs dropped spans and nothing else.
 */
export async function startNodeSdk(options: NodeSdkOptions): Promise<StartedSdk> {
  const { plan, env, collector } = options;
  const [{ NodeSDK }, spanProcessors, metricReaders, logRecordProcessors] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    plan.traces === undefined ? [] : spansTo(plan.traces, { env, collector }),
    plan.metrics === undefined ? [] : metricsTo(plan.metrics, { env, collector }, options.producer),
    plan.logs === undefined ? [] : logsTo(plan.logs, { env, collector }),
  ]);
  const sdk = new NodeSDK({
    resource: options.resource,
    autoDetectResources: false,
    instrumentations: [],
    textMapPropagator: null,
    spanProcessors,
    metricReaders,
    logRecordProcessors,
  });
  sdk.start();
  const sender = plan.logs === undefined ? undefined : logSender(logs.getLoggerProvider().getLogger('sboxagent', options.version));
  for (const registered of [context, trace, globalMetrics, logs]) registered.disable();
  return {
    logs: sender,
    send(span) {
      for (const processor of spanProcessors) processor.onEnd(span);
    },
    async shutdown() {
      // The SDK's own shutdown ends at the first rejection and hides the others: each part is shut down by itself before.
      const ends = [...spanProcessors, ...metricReaders, ...logRecordProcessors].map((part) => part.shutdown());
      const results = [...(await Promise.allSettled(ends)), ...(await Promise.allSettled([sdk.shutdown()]))];
      return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    },
  };
}

interface Sending {
  readonly env: Environment;
  readonly collector: CollectorWatch;
}

async function spansTo(url: string, { env, collector }: Sending): Promise<SpanProcessor[]> {
  const [{ OTLPTraceExporter }, { BatchSpanProcessor }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const timeoutMillis = positive(env['OTEL_BSP_EXPORT_TIMEOUT'], exportTimeoutMs);
  const options = { url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent };
  const exporter = collector.watch('traces', new OTLPTraceExporter(options));
  const maxQueueSize = positive(env['OTEL_BSP_MAX_QUEUE_SIZE'], 2048);
  return [
    new BatchSpanProcessor({
      exporter,
      scheduledDelayMillis: positive(env['OTEL_BSP_SCHEDULE_DELAY'], 5000),
      exportTimeoutMillis: timeoutMillis,
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, positive(env['OTEL_BSP_MAX_EXPORT_BATCH_SIZE'], 512)),
    }),
  ];
}

async function logsTo(url: string, { env, collector }: Sending): Promise<LogRecordProcessor[]> {
  const [{ OTLPLogExporter }, { BatchLogRecordProcessor }] = await Promise.all([
    import('@opentelemetry/exporter-logs-otlp-http'),
    import('@opentelemetry/sdk-logs'),
  ]);
  const timeoutMillis = positive(env['OTEL_BLRP_EXPORT_TIMEOUT'], exportTimeoutMs);
  const options = { url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent };
  const exporter = collector.watch('logs', new OTLPLogExporter(options));
  const maxQueueSize = positive(env['OTEL_BLRP_MAX_QUEUE_SIZE'], 2048);
  return [
    new BatchLogRecordProcessor({
      exporter,
      scheduledDelayMillis: positive(env['OTEL_BLRP_SCHEDULE_DELAY'], 1000),
      exportTimeoutMillis: timeoutMillis,
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, positive(env['OTEL_BLRP_MAX_EXPORT_BATCH_SIZE'], 512)),
    }),
  ];
}

async function metricsTo(url: string, { env, collector }: Sending, producer: MetricProducer): Promise<IMetricReader[]> {
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const exportIntervalMillis = positive(env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000);
  const timeoutMillis = Math.min(exportIntervalMillis, positive(env['OTEL_METRIC_EXPORT_TIMEOUT'], exportTimeoutMs));
  const options = { url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent };
  const exporter = collector.watch('metrics', new OTLPMetricExporter(options));
  return [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis: timeoutMillis, metricProducers: [producer] }),
  ];
}

function positive(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) && value > 0 ? value : fallback;
}
