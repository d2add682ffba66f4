import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { Clock } from '../kernel/clock.ts';
import { newSpanId, newTraceId } from '../kernel/ids.ts';
import type { Labels, SpanSink, Spans, WorkSpan } from './types.ts';

/** Traces of which it is known where work that belongs to them is to hang; the one that was used longest ago gives way. */
const mostPlaces = 2048;

export interface SpansOptions {
  /** Absent where no collector takes the spans. */
  readonly tracer: (() => Tracer) | undefined;
  /** Says under which trace the next root span of the tracer begins. */
  readonly nextTraceId: (traceId: string) => void;
  /** Ids of the call that runs; empty outside one. */
  readonly active: () => { readonly traceId: string; readonly spanId: string };
  readonly sink: () => SpanSink | undefined;
  readonly clock: Clock;
}

/** Makes the spans of work inside the agent: what calls, timers and children set going. */
export function createSpans(options: SpansOptions): Spans {
  const { active, sink, clock } = options;
  const places = new Map<string, string>();
  const remember = (traceId: string, spanId: string): void => {
    places.delete(traceId);
    places.set(traceId, spanId);
    if (places.size > mostPlaces) places.delete(places.keys().next().value ?? traceId);
  };
  return {
    start(name, { traceId: wanted = '', parentId = '', startMs = clock.wallMs(), attributes = {} } = {}) {
      const here = active();
      const traceId = wanted || here.traceId || newTraceId();
      const parent = parentId || (here.traceId === traceId ? here.spanId : (places.get(traceId) ?? ''));
      const span = startTraced(options, { name, traceId, parent, startMs, attributes });
      const spanId = span?.spanContext().spanId ?? newSpanId();
      // The first work of a trace is where later work hangs, that knows no more than the trace.
      remember(traceId, places.get(traceId) || parent || spanId);
      sink()?.belongs(traceId);
      return work({ traceId, spanId, parent, name, startMs, attributes, span }, options);
    },
  };
}

interface Begun {
  readonly name: string;
  readonly traceId: string;
  readonly parent: string;
  readonly startMs: number;
  readonly attributes: Labels;
}

/** The same span for a collector. */
function startTraced({ tracer, nextTraceId }: SpansOptions, { name, traceId, parent, startMs, attributes }: Begun): Span | undefined {
  if (tracer === undefined) return undefined;
  if (parent === '') nextTraceId(traceId);
  const context: Context =
    parent === '' ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: parent, traceFlags: TraceFlags.SAMPLED });
  return tracer().startSpan(name, { startTime: startMs, attributes }, context);
}

function work(begun: Begun & { readonly spanId: string; readonly span: Span | undefined }, { sink, clock }: SpansOptions): WorkSpan {
  const { traceId, spanId, parent, name, startMs, span } = begun;
  let ended = false;
  return {
    traceId,
    spanId,
    end({ code = 'OK', message = '', attributes = {}, endMs = clock.wallMs() } = {}) {
      if (ended) return;
      ended = true;
      if (span !== undefined) {
        span.setAttributes(attributes);
        if (code !== 'OK') span.setStatus({ code: SpanStatusCode.ERROR, message: message || code });
        span.end(endMs);
      }
      const durationMs = Math.max(0, endMs - startMs);
      const all = { ...begun.attributes, ...attributes };
      sink()?.keep({ traceId, spanId, parentId: parent, name, startMs, durationMs, code, message, attributes: all });
    },
  };
}
