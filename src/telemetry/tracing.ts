import type { Tracer } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { MetricData, MetricProducer, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  type IdGenerator,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { newSpanId, newTraceId } from '../kernel/ids.ts';
import type { CollectorWatch } from './collector-watch.ts';
import type { LogSender } from './log-sender.ts';
import type { StartedSdk } from './node-sdk.ts';
import type { Environment, OtlpPlan } from './otlp.ts';

/** Spans that wait for the SDK; what is over it is lost, as in the SDK's own queue. */
const mostHeld = 2048;

export interface Tracing {
  /** The tracer of this moment. */
  tracer(): Tracer;
  /** Says under which trace the next root span begins. */
  nextTraceId(traceId: string): void;
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
  readonly onFault: (error: unknown) => void;
}

/**
 * Calls have their spans from the first one on: until the SDK is loaded, which must not hold up the first answer, those that end are
 * held for it.
 */
export function startTracing(options: TracingOptions): Tracing {
  const { plan, version } = options;
  const resource = resourceFromAttributes(options.attributes);
  const held = holdSpans();
  const ratio = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio) });
  const ids = createIds();
  const first = new TracerProvider({
    resource,
    idGenerator: ids.generator,
    sampler: plan.traces === undefined ? new AlwaysOffSampler() : ratio,
    spanProcessors: plan.traces === undefined ? [] : [held.processor],
  });
  let tracer: Tracer = first.getTracer('sboxagent', version);
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
        sampler: ratio,
        producer,
        idGenerator: ids.generator,
        collector: options.collector,
      });
      if (plan.traces !== undefined) tracer = sdk.tracer;
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
  let stopped = false;
  void options.serving.then(() => (stopped ? undefined : connect()));
  return {
    tracer: () => tracer,
    nextTraceId: ids.next,
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

/** Ids by our own pool of random bytes; a trace that was named is the next root's. */
function createIds(): { readonly generator: IdGenerator; next(traceId: string): void } {
  let named: string | undefined;
  return {
    generator: {
      generateTraceId() {
        const traceId = named ?? newTraceId();
        named = undefined;
        return traceId;
      },
      generateSpanId: newSpanId,
    },
    next(traceId) {
      named = traceId;
    },
  };
}

function holdSpans(): { readonly processor: SpanProcessor; count(): number; handTo(sdk: StartedSdk): void } {
  let spans: ReadableSpan[] = [];
  let sdk: StartedSdk | undefined;
  return {
    processor: {
      onStart() {},
      // One that began before the SDK was there may end after.
      onEnd(span) {
        if (sdk !== undefined) sdk.adopt([span]);
        else if (spans.length < mostHeld) spans.push(span);
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    },
    count: () => spans.length,
    handTo(started) {
      sdk = started;
      started.adopt(spans);
      spans = [];
    },
  };
}
