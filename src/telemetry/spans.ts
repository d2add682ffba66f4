import type { Clock } from '../kernel/clock.ts';
import { newSpanId, newTraceId } from '../kernel/ids.ts';
import type { SpanExport } from './sent-span.ts';
import type { Labels, SpanSink, Spans, WorkSpan } from './types.ts';

/** Traces of which it is known where work that belongs to them is to hang; the one that was used longest ago gives way. */
const mostPlaces = 2048;

export interface SpansOptions {
  /** Absent where no collector takes the spans. */
  readonly exporter: SpanExport | undefined;
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
      const spanId = newSpanId();
      // The first work of a trace is where later work hangs, that knows no more than the trace.
      remember(traceId, places.get(traceId) || parent || spanId);
      sink()?.belongs(traceId);
      return work({ traceId, spanId, parent, name, startMs, attributes }, options);
    },
  };
}

interface Begun {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string;
  readonly startMs: number;
  readonly attributes: Labels;
}

function work(begun: Begun, { exporter, sink, clock }: SpansOptions): WorkSpan {
  const { traceId, spanId, parent, name, startMs } = begun;
  let ended = false;
  return {
    traceId,
    spanId,
    end({ code = 'OK', message = '', attributes = {}, endMs = clock.wallMs() } = {}) {
      if (ended) return;
      ended = true;
      const durationMs = Math.max(0, endMs - startMs);
      const all = { ...begun.attributes, ...attributes };
      const span = { traceId, spanId, parentId: parent, name, startMs, durationMs, code, message, attributes: all };
      sink()?.keep(span);
      if (exporter === undefined || (parent === '' && !exporter.samples(traceId))) return;
      exporter.send({ ...span, call: false, fault: code === 'OK' ? undefined : message || code });
    },
  };
}
