import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Clock } from '../kernel/clock.ts';
import type { CallSpan, Histogram, Telemetry } from './types.ts';

type Headers = Parameters<Telemetry['startCall']>[0]['headers'];

/** Values of `rpc.system.name`: well-known ones where the conventions have them. */
const systems: Readonly<Record<string, string>> = { connect_rpc: 'connectrpc', connect: 'connectrpc' };

/** Codes by which a server is at fault (RPC conventions); the others are the caller's. */
const faults = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

const getter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  // Only the names that the propagator asks for: pseudo-headers of HTTP/2 never matter.
  get: (headers, key) => headers[key],
};

/** Starts server spans by the RPC conventions and records their duration. */
export function createCalls(options: {
  readonly tracer: () => Tracer;
  readonly duration: Histogram;
  readonly clock: Clock;
}): Telemetry['startCall'] {
  const propagator = new W3CTraceContextPropagator();
  return (call) => {
    const startMs = options.clock.monotonicMs();
    const method = call.service === '' ? call.method : `${call.service}/${call.method}`;
    const attributes = { 'rpc.system.name': systems[call.system] ?? call.system, 'rpc.method': method };
    const parent = propagator.extract(ROOT_CONTEXT, call.headers, getter);
    const span = options.tracer().startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    const record = (status: object): void =>
      options.duration.record((options.clock.monotonicMs() - startMs) / 1000, { ...attributes, ...status });
    return callSpan(span, trace.setSpan(parent, span), record);
  };
}

function callSpan(span: Span, context: Context, record: (status: object) => void): CallSpan {
  const { traceId, spanId } = span.spanContext();
  let ended = false;
  return {
    traceId,
    spanId,
    context,
    span,
    end(code, error) {
      if (ended) return;
      ended = true;
      const status = statusName(code);
      const fault = faults.has(status);
      const attributes = { 'rpc.status_code': status, ...(fault ? { 'error.type': status } : {}) };
      span.setAttributes(attributes);
      if (fault) span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : status });
      span.end();
      record(attributes);
    },
  };
}

/** `not_found` is `NOT_FOUND` in the conventions, and `canceled` has two l there. */
function statusName(code: string): string {
  return code === 'canceled' ? 'CANCELLED' : code.toUpperCase();
}
