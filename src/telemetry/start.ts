import { isatty } from 'node:tty';
import { trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import { createCalls } from './calls.ts';
import { createCollectorWatch } from './collector-watch.ts';
import { createCustom } from './custom.ts';
import { createLogger, type Destination } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { createCollection, type Observer } from './observers.ts';
import { openMetricsText } from './openmetrics.ts';
import { type Environment, type OtlpPlan, planOtlp, spokenProtocol } from './otlp.ts';
import { prometheusText } from './prometheus.ts';
import { observeRuntime } from './runtime.ts';
import { familiesOf } from './snapshot.ts';
import { createSpans } from './spans.ts';
import { openDescriptor } from './stdout.ts';
import type { Tracing, TracingOptions } from './tracing.ts';
import type { LogLevel, MetricReader, Metrics, SpanSink, Telemetry } from './types.ts';

/** How long `stop` waits for a collector. */
const stopTimeoutMs = 3000;
/** How long `stop` waits for the reader of the last lines. */
const flushTimeoutMs = 500;

export interface TelemetryOptions {
  readonly version: string;
  readonly commit: string;
  readonly instanceName: string;
  readonly logLevel: LogLevel;
  /** Base URL of an OTLP/HTTP collector; `/v1/traces` and `/v1/metrics` are appended. Undefined: the standard variables, or nothing. */
  readonly otlpEndpoint?: string | undefined;
  /** Share of traces without a sampled parent that is recorded, 0 to 1. */
  readonly sampleRatio: number;
  /** For the standard OTEL_* variables. */
  readonly env: Environment;
  readonly clock: Clock;
  /** When the exporters, which take their time, may be loaded. Default: at once. */
  readonly serving?: Promise<unknown>;
  /** Where log lines go. Default: stdout, in a form for people when that is a terminal. */
  readonly destination?: Destination;
}

/** Starts logging, tracing and metrics. Registers nothing globally, so that several can live in one program (tests). */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { clock } = options;
  let observers: () => Iterable<Observer> = () => [];
  const custom = createCustom((limit) => instruments.metrics.counter('sboxagent_limit_refused_total').add(1, { limit }));
  const collect = createCollection({
    observers: () => observers(),
    further: (span) => [...custom.collect(span), ...instruments.measured(span)],
    wallMs: () => clock.wallMs(),
  });
  const plan = planOtlp(options.otlpEndpoint, options.env);
  const contexts = new AsyncLocalStorageContextManager().enable();
  const instruments = createMetrics((format) =>
    Promise.resolve(format === 'openmetrics' ? openMetricsText(collect()) : prometheusText(collect())),
  );
  observers = instruments.observers;
  const metrics: Metrics & MetricReader = {
    ...instruments.metrics,
    current: (name) => [...instruments.reader.current(name), ...custom.current(name)],
  };
  const active = (): { traceId: string; spanId: string } => trace.getSpanContext(contexts.active()) ?? { traceId: '', spanId: '' };
  const destination = options.destination ?? openDescriptor(1);
  const human = options.destination === undefined && isatty(1);
  const log = createLogger({ level: options.logLevel, clock, destination, human, active });
  const dropped = metrics.counter('sboxagent_otlp_dropped_total');
  const tracing = await tracingFor(plan, {
    ...{ env: options.env, version: options.version, sampleRatio: options.sampleRatio, collect },
    attributes: resourceAttributes(options),
    serving: options.serving ?? Promise.resolve(),
    collector: createCollectorWatch(log.logger, clock),
    clock,
    dropped: (signal, count) => dropped.add(count, { signal }),
    onFault: (error) => log.logger.error({ error }, 'the OpenTelemetry SDK could not be started: nothing is sent to the collector'),
  });
  if (plan?.unspoken !== undefined) {
    const fields = { asked: plan.unspoken, spoken: spokenProtocol };
    log.logger.warn(fields, 'the protocol that the environment asks for is not spoken: OTLP goes out over HTTP, by default to port 4318');
  }
  const exporter = tracing?.spans;
  let sink: SpanSink | undefined;
  const stopRuntime = observeRuntime({ metrics, clock, version: options.version, commit: options.commit });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopRuntime();
    const sent = tracing?.stop().then((faults) => {
      for (const error of faults) log.logger.warn({ error }, 'the last spans or metrics did not reach the collector');
    });
    await within(clock, stopTimeoutMs, Promise.allSettled([sent]));
    contexts.disable();
    await within(clock, flushTimeoutMs, destination.drained?.() ?? Promise.resolve());
  };
  return {
    logger: log.logger,
    metrics,
    custom: { record: custom.record },
    snapshot: () => Promise.resolve(familiesOf(collect())),
    spans: createSpans({ exporter, active, sink: () => sink, clock }),
    logSender: () => tracing?.logSender() ?? Promise.resolve(undefined),
    keepSpans: (one) => {
      sink = one;
    },
    startCall: createCalls({
      exporter,
      sink: () => sink,
      duration: metrics.histogram('rpc_server_call_duration_seconds'),
      clock,
    }),
    run: (call, fn) => contexts.with(call.context, fn),
    active: () => {
      const { traceId, spanId } = active();
      return { traceId, spanId };
    },
    setLogLevel: log.setLevel,
    logs: log.writes,
    onLogLine: log.onLine,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Without a collector nothing of the SDK is loaded: every call still has its ids, at the price of a random number. */
async function tracingFor(plan: OtlpPlan | undefined, options: Omit<TracingOptions, 'plan'>): Promise<Tracing | undefined> {
  if (plan === undefined) return undefined;
  return (await import('./tracing.ts')).startTracing({ ...options, plan });
}

/** OTEL_RESOURCE_ATTRIBUTES (`key=value,…`, percent-encoded) below what the agent knows itself; OTEL_SERVICE_NAME above it. */
function resourceAttributes(options: TelemetryOptions): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const pair of (options.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() && value !== undefined) attributes[key.trim()] = decode(value.trim());
  }
  return {
    ...attributes,
    'service.name': options.env['OTEL_SERVICE_NAME'] || 'sboxagent',
    'service.version': options.version,
    'service.instance.id': options.instanceName,
  };
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
