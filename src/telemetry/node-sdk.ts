import { context, metrics as globalMetrics, logs, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { LogRecordProcessor, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { IMetricReader, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Clock } from '../kernel/clock.ts';
import type { CollectorWatch } from './collector-watch.ts';
import { type LogSender, logSender } from './log-sender.ts';
import type { Environment, OtlpPlan } from './otlp.ts';
import {
  exporting,
  exportTimeoutMs,
  limitsOf,
  positive,
  type QueuedSignal,
  queueTo,
  type Sender,
  weightOfRecord,
  weightOfSpan,
} from './otlp-queues.ts';
import { readableSpans, type SentSpan } from './sent-span.ts';

export interface NodeSdkOptions {
  readonly plan: OtlpPlan;
  readonly env: Environment;
  readonly version: string;
  readonly resource: Resource;
  readonly producer: MetricProducer;
  readonly collector: CollectorWatch;
  readonly clock: Clock;
  /** So many of what was to be sent are lost. */
  readonly dropped: (signal: QueuedSignal, count: number) => void;
}

export interface StartedSdk {
  /** Undefined where no logs are sent. */
  readonly logs: LogSender | undefined;
  /** Takes a span that has ended. */
  send(span: SentSpan): void;
  /** Sends what waits. Answers what went wrong, one entry a part; never throws. */
  shutdown(): Promise<readonly unknown[]>;
}

/**
 * OpenTelemetry's NodeSDK, which puts tracing and OTLP together. Its entry costs a quarter of a second, so it is imported only where there
 * is a collector. Everything that it would take from the environment by itself is given: without a list of processors for logs it would post logs to
 * localhost. It registers what it makes globally, which is undone at once, so that several can live in one program. Spans and lines wait in queues
 * of our own: those of the SDK know no bytes, send all that an outage has gathered without a pause, and at the end no more than one batch.
 */
export async function startNodeSdk(options: NodeSdkOptions): Promise<StartedSdk> {
  const { plan } = options;
  const [{ NodeSDK }, spans, metricReaders, logRecordProcessors] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    plan.traces === undefined ? undefined : spansTo(plan.traces, options),
    plan.metrics === undefined ? [] : metricsTo(plan.metrics, options, options.producer),
    plan.logs === undefined ? [] : logsTo(plan.logs, options),
  ]);
  const sdk = new NodeSDK({
    resource: options.resource,
    autoDetectResources: false,
    instrumentations: [],
    textMapPropagator: null,
    spanProcessors: [],
    metricReaders,
    logRecordProcessors,
  });
  sdk.start();
  const sender = plan.logs === undefined ? undefined : logSender(logs.getLoggerProvider().getLogger('sboxagent', options.version));
  for (const registered of [context, trace, globalMetrics, logs]) registered.disable();
  return {
    logs: sender,
    send: (span) => spans?.push(span),
    async shutdown() {
      // The SDK's own shutdown ends at the first rejection and hides the others: each part is shut down by itself before.
      const ends = [...(spans === undefined ? [] : [spans]), ...metricReaders, ...logRecordProcessors].map((part) => part.shutdown());
      const results = [...(await Promise.allSettled(ends)), ...(await Promise.allSettled([sdk.shutdown()]))];
      return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    },
  };
}

interface Sending {
  readonly env: Environment;
  readonly collector: CollectorWatch;
  readonly clock: Clock;
  readonly dropped: NodeSdkOptions['dropped'];
}

/** Spans wait as they ended: what the exporters take of each is a dozen objects, of which none is to outlive the making of the request. */
async function spansTo(url: string, { version, resource, ...sending }: SpanSending): Promise<Sender<SentSpan>> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const limits = limitsOf(sending.env, 'OTEL_BSP', 5000);
  const exporter = sending.collector.watch('traces', new OTLPTraceExporter(exporting(url, limits.timeoutMs)));
  const readable = readableSpans({ resource, version });
  return queueTo<SentSpan, ReadableSpan>(exporter, { ...sending, ...limits, signal: 'traces', weigh: weightOfSpan, made: readable });
}

interface SpanSending extends Sending {
  readonly version: string;
  readonly resource: Resource;
}

async function logsTo(url: string, sending: Sending): Promise<LogRecordProcessor[]> {
  const { OTLPLogExporter } = await import('@opentelemetry/exporter-logs-otlp-http');
  const limits = limitsOf(sending.env, 'OTEL_BLRP', 1000);
  const exporter = sending.collector.watch('logs', new OTLPLogExporter(exporting(url, limits.timeoutMs)));
  const { push, shutdown } = queueTo<ReadableLogRecord, ReadableLogRecord>(exporter, {
    ...{ ...sending, ...limits, signal: 'logs', weigh: weightOfRecord },
    made: (record) => record,
  });
  // What waits leaves by the queue's own clock: nobody asks for it sooner but an end.
  return [{ onEmit: push, forceFlush: () => Promise.resolve(), shutdown }];
}

async function metricsTo(url: string, { env, collector }: Sending, producer: MetricProducer): Promise<IMetricReader[]> {
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const exportIntervalMillis = positive(env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000);
  const timeoutMillis = Math.min(exportIntervalMillis, positive(env['OTEL_METRIC_EXPORT_TIMEOUT'], exportTimeoutMs));
  const exporter = collector.watch('metrics', new OTLPMetricExporter(exporting(url, timeoutMillis)));
  return [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis: timeoutMillis, metricProducers: [producer] }),
  ];
}
