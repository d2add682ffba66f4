import type { IMetricReader, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { sizedAgent } from './sized-agent.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How long one export may take: also what a collector that does not answer can hold back. */
const exportTimeoutMs = 3000;

export interface OtlpParts {
  /** Variables that ask for a protocol that is not spoken. */
  readonly unspoken: string | undefined;
  readonly spanProcessors: readonly SpanProcessor[];
  readonly metricReaders: readonly IMetricReader[];
}

/**
 * What sends to a collector, by the configured base URL or else the standard variables; nothing where neither is given. The
 * exporters are imported only then: they cost start-up time. Queues hold at most OTEL_BSP_MAX_QUEUE_SIZE (2048) spans and one
 * export at a time runs, so that a dead or deaf collector costs dropped spans and nothing else.
 */
export async function createOtlp(baseUrl: string | undefined, env: Environment, producer: MetricProducer): Promise<OtlpParts> {
  const disabled = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true';
  const traces = disabled ? undefined : endpoint('traces', baseUrl, env);
  const metrics = disabled ? undefined : endpoint('metrics', baseUrl, env);
  const [spanProcessors, metricReaders] = await Promise.all([
    traces ? spansTo(traces, env) : [],
    metrics ? metricsTo(metrics, env, producer) : [],
  ]);
  return { spanProcessors, metricReaders, unspoken: traces || metrics ? otherProtocols(env) : undefined };
}

function endpoint(signal: 'traces' | 'metrics', baseUrl: string | undefined, env: Environment): string | undefined {
  const upper = signal.toUpperCase();
  if (env[`OTEL_${upper}_EXPORTER`] === 'none') return undefined;
  const base = baseUrl ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  // A variable of one signal is a whole URL; the configuration goes before the environment.
  if (baseUrl === undefined && env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`]) return env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`];
  return base ? `${base.replace(/\/+$/, '')}/v1/${signal}` : undefined;
}

/** What these exporters speak, by its name in the variables. */
export const spokenProtocol = 'http/json';

/** The variables that ask for another protocol than the one that is spoken; undefined where none does. */
function otherProtocols(env: Environment): string | undefined {
  const asked = ['', 'TRACES_', 'METRICS_'].flatMap((signal) => {
    const name = `OTEL_EXPORTER_OTLP_${signal}PROTOCOL`;
    return env[name] && env[name] !== spokenProtocol ? [`${name}=${env[name]}`] : [];
  });
  return asked.length === 0 ? undefined : asked.join(' ');
}

async function spansTo(url: string, env: Environment): Promise<SpanProcessor[]> {
  const [{ OTLPTraceExporter }, { BatchSpanProcessor }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const timeoutMillis = positive(env['OTEL_BSP_EXPORT_TIMEOUT'], exportTimeoutMs);
  const exporter = new OTLPTraceExporter({ url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent });
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

async function metricsTo(url: string, env: Environment, producer: MetricProducer): Promise<IMetricReader[]> {
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const exportIntervalMillis = positive(env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000);
  const timeoutMillis = Math.min(exportIntervalMillis, positive(env['OTEL_METRIC_EXPORT_TIMEOUT'], exportTimeoutMs));
  const exporter = new OTLPMetricExporter({ url, timeoutMillis, concurrencyLimit: 1, httpAgentOptions: sizedAgent });
  return [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis: timeoutMillis, metricProducers: [producer] }),
  ];
}

function positive(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) && value > 0 ? value : fallback;
}
