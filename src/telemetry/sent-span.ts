import { type Attributes, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { toHrTime } from './observers.ts';
import type { FinishedSpan } from './types.ts';

/** Where spans go that a collector is to have. */
export interface SpanExport {
  /** Whether a trace without a sampled parent is one of the share that is recorded. */
  samples(traceId: string): boolean;
  /** Takes a span that has ended. */
  send(span: SentSpan): void;
}

export interface SentSpan extends FinishedSpan {
  /** A call from outside; else work of the agent. */
  readonly call: boolean;
  /** What went wrong on our side; undefined where nothing did. */
  readonly fault: string | undefined;
}

/** Judged by the end of the id, which is random also where the caller has shorter ids of its own. Pure. */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32;
}

const none: never[] = [];
const unset = { code: SpanStatusCode.UNSET } as const;

/**
 * Makes of finished spans what the SDK's processors take. The SDK's own span is made at the beginning of a call, with a dozen objects that
 * live until the export: they cost a quarter of a short call.
 */
export function readableSpans({
  resource,
  version,
}: {
  readonly resource: Resource;
  readonly version: string;
}): (span: SentSpan) => ReadableSpan {
  const common = {
    ...{ links: none, events: none, ended: true, resource, instrumentationScope: { name: 'sboxagent', version } },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
  return ({ traceId, spanId, parentId, name, call, startMs, durationMs, fault, attributes }) => {
    const context: SpanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    return {
      ...common,
      name,
      kind: call ? SpanKind.SERVER : SpanKind.INTERNAL,
      spanContext: () => context,
      ...(parentId !== '' && { parentSpanContext: { traceId, spanId: parentId, traceFlags: TraceFlags.SAMPLED, isRemote: call } }),
      startTime: toHrTime(startMs),
      endTime: toHrTime(startMs + durationMs),
      duration: toHrTime(durationMs),
      status: fault === undefined ? unset : { code: SpanStatusCode.ERROR, message: fault },
      attributes: attributes as Attributes,
    };
  };
}
