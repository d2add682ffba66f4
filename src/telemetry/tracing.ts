import { resourceFromAttributes } from '@opentelemetry/resources';
import type { MetricData, MetricProducer, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import type { Clock } from '../kernel/clock.ts';
import type { CollectorWatch } from './collector-watch.ts';
import type { LogSender } from './log-sender.ts';
import type { StartedSdk } from './node-sdk.ts';
import type { Environment, OtlpPlan } from './otlp.ts';
import type { QueuedSignal } from './otlp-queues.ts';
import { isSampled, type SentSpan, type SpanExport } from './sent-span.ts';

/** Spans that wait for the SDK; what is over it is lost, as in the SDK's own queue. */
const mostHeld = 2048;

export interface Tracing {
  /** Absent where no spans are sent. */
  readonly spans: SpanExport | undefined;
  /** What sends lines, when the SDK is loaded. */
  logSender(): Promise<LogSender | undefined>;
  /** Sends what waits; loads the SDK where spans wait for it. Answers what went wrong. */
  stop(): Promise<readonly unknown[]>;
}

export interface TracingOptions {
  /** Where spans and metrics go. */
  readonly plan: OtlpPlan;
  readonly env: Environment;
  readonly version: string;
  /** Of the resource: what the agent is known by. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Share of traces without a sampled parent that is recorded, 0 to 1. */
  readonly sampleRatio: number;
  /** Everything that a scrape shows goes out: what was counted and what is observed. */
  readonly collect: () => MetricData[];
  /** When the SDK may take its time to be loaded. */
  readonly serving: Promise<unknown>;
  readonly collector: CollectorWatch;
  readonly clock: Clock;
  /** So many of what was to be sent are lost. */
  readonly dropped: (signal: QueuedSignal, count: number) => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * Calls have their spans from the first one on: until the SDK is loaded, which must not hold up the first answer, those that end are
 * held for it.
 */
export function startTracing(options: TracingOptions): Tracing {
  const { plan, version } = options;
  const resource = resourceFromAttributes(options.attributes);
  const held = holdSpans(() => options.dropped('traces', 1));
  let loading: Promise<StartedSdk | undefined> | undefined;
  const load = async (): Promise<StartedSdk | undefined> => {
    try {
      const { startNodeSdk } = await import('./node-sdk.ts');
      const scopeMetrics = (): ScopeMetrics[] => [{ scope: { name: 'sboxagent', version }, metrics: options.collect() }];
      const producer: MetricProducer = {
        collect: () => Promise.resolve({ resourceMetrics: { resource, scopeMetrics: scopeMetrics() }, errors: [] }),
      };
      const sdk = await startNodeSdk({
        plan,
        env: options.env,
        version,
        resource,
        producer,
        collector: options.collector,
        clock: options.clock,
        dropped: options.dropped,
      });
      held.handTo(sdk);
      return sdk;
    } catch (error) {
      options.onFault(error);
      return undefined;
    }
  };
  const connect = (): Promise<StartedSdk | undefined> => {
    loading ??= load();
    return loading;
  };
  const spans: SpanExport = {
    samples: (traceId) => isSampled(traceId, options.sampleRatio),
    send: held.take,
  };
  let stopped = false;
  void options.serving.then(() => (stopped ? undefined : connect()));
  return {
    spans: plan.traces === undefined ? undefined : spans,
    logSender: async () => {
      await options.serving;
      return plan.logs === undefined || stopped ? undefined : (await connect())?.logs;
    },
    async stop() {
      stopped = true;
      const sdk = held.count() > 0 ? await connect() : await loading;
      return (await sdk?.shutdown()) ?? [];
    },
  };
}

/** Spans that end before the SDK is loaded wait for it. */
function holdSpans(dropped: () => void): { take(span: SentSpan): void; count(): number; handTo(sdk: StartedSdk): void } {
  let spans: SentSpan[] = [];
  let sdk: StartedSdk | undefined;
  return {
    take(span) {
      if (sdk !== undefined) sdk.send(span);
      else if (spans.length < mostHeld) spans.push(span);
      else dropped();
    },
    count: () => spans.length,
    handTo(started) {
      sdk = started;
      for (const span of spans) started.send(span);
      spans = [];
    },
  };
}
