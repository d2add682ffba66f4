import type { Clock } from '../kernel/clock.ts';
import { invalid, type Violation } from '../kernel/errors.ts';
import { ulid } from '../kernel/ids.ts';
import { noRedactor, type Redactor } from '../kernel/redaction.ts';
import { isGivenId, normalTraceId } from '../kernel/trace-id.ts';
import type { FreshEvent, MeasuredEvent } from './record.ts';
import type { Instant, NewEvent, PublishContext } from './types.ts';
import { createDataJudge, judgeHead, judgeSize, type Report } from './validate.ts';

/** Violations listed of one request; a million bad values need no million sentences. */
const maxViolations = 100;

export interface IngestOptions {
  readonly context: PublishContext;
  readonly clock: Clock;
  /** Undefined when masking is switched off. */
  readonly redactor: Redactor | undefined;
  /** Attributes that are added over those of the publisher. */
  readonly stamp: (event: NewEvent, context: PublishContext) => Readonly<Record<string, string>> | undefined;
}

/**
 * Judges events and makes them whole: fills in what is absent, brings ids of traces to one form, masks secrets. The data of each is walked once for all
 * of it. Throws INVALID_REQUEST that names every field that is wrong, as `events[i].field`.
 */
export function ingest(events: readonly NewEvent[], options: IngestOptions): readonly MeasuredEvent[] {
  const violations: Violation[] = [];
  const nowMs = options.clock.wallMs();
  const measured = events.map((event, i) =>
    ingestOne(event, nowMs, {
      options,
      report(field, message, rule) {
        if (violations.length < maxViolations)
          violations.push({ field: `events[${i}].${field}`, message, ...(rule !== undefined && { rule }) });
      },
    }),
  );
  if (violations.length > 0) throw invalid(violations);
  return measured;
}

interface Ingesting {
  readonly options: IngestOptions;
  readonly report: Report;
}

function ingestOne(event: NewEvent, nowMs: number, { options, report }: Ingesting): MeasuredEvent {
  const { context } = options;
  const redactor = options.redactor ?? noRedactor;
  const head = judgeHead(event, report);
  const judge = createDataJudge(report, context.maxDepth);
  const data = event.data === undefined ? undefined : redactor.json(event.data, 'data', judge);
  const wireBytes = head + judge.bytes();
  judgeSize(wireBytes, report);
  const ingestTime = instantOf(nowMs);
  const trace = traceOf(event, context);
  const attributes = redactor.json(attributesOf(event, trace, options), 'attributes');
  const whole: FreshEvent = {
    id: event.id || ulid(nowMs),
    type: event.type,
    source: event.source || context.source,
    subject: event.subject ?? '',
    severity: event.severity ?? 'INFO',
    priority: event.priority ?? 50,
    time: event.time ?? ingestTime,
    ingestTime,
    traceId: trace.traceId,
    spanId: trace.spanId,
    correlationId: event.correlationId ?? '',
    data: data?.value,
    attributes: attributes.value,
    redacted: data === undefined || data.paths.length === 0 ? attributes.paths : [...data.paths, ...attributes.paths],
  };
  return { event: whole, wireBytes };
}

const noAttributes = {};

function attributesOf(event: NewEvent, trace: Trace, { context, stamp: stampOf }: IngestOptions): Readonly<Record<string, string>> {
  const given = event.attributes ?? noAttributes;
  const stamp = stampOf(event, context);
  if (trace.original === undefined && stamp === undefined) return given;
  return { ...given, ...(trace.original !== undefined && { original_trace_id: trace.original }), ...stamp };
}

export function instantOf(wallMs: number): Instant {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanos: Math.floor(wallMs - seconds * 1000) * 1_000_000 };
}

const plainTraceId = /^[0-9a-f]{32}$/;

interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  /** As the publisher wrote it, where that was another form. */
  readonly original?: string;
}

/** 32 hex digits of a UUID or of the 8 digits that sboxmgr logs; without any, the trace of the publishing call. */
function traceOf({ traceId: given = '', spanId: span = '' }: NewEvent, call: PublishContext): Trace {
  const spanId = isGivenId(span) ? span : '';
  if (!isGivenId(given)) return { traceId: call.traceId ?? '', spanId: spanId || (call.spanId ?? '') };
  if (given === call.traceId) return { traceId: given, spanId: spanId || (call.spanId ?? '') };
  if (plainTraceId.test(given)) return { traceId: given, spanId };
  const traceId = normalTraceId(given);
  return given.length === 32 ? { traceId, spanId } : { traceId, spanId, original: given };
}
