import type { Clock } from '../kernel/clock.ts';
import { invalid, type Violation } from '../kernel/errors.ts';
import { ulid } from '../kernel/ids.ts';
import type { JsonText } from '../kernel/json-text.ts';
import { noRedactor, type Redactor } from '../kernel/redaction.ts';
import { isGivenId, normalTraceId } from '../kernel/trace-id.ts';
import type { FreshEvent, MeasuredEvent } from './record.ts';
import type { Instant, JsonObject, NewEvent, PublishContext } from './types.ts';
import { createDataJudge, judgeAttributes, judgeHead, judgeSize, maxDepthOf, type Report } from './validate.ts';

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
  let at = 0;
  const report: Report = (field, message, rule) => {
    if (violations.length < maxViolations)
      violations.push({ field: `events[${at}].${field}`, message, ...(rule !== undefined && { rule }) });
  };
  const { traceId = '', spanId = '' } = options.context;
  const callTrace: Trace = { traceId, spanId };
  const ingesting: Ingesting = { options, report, ingestTime: instantOf(nowMs), nowMs, callTrace, shared: undefined };
  const measured = events.map((event, i) => {
    at = i;
    return ingestOne(event, ingesting);
  });
  if (violations.length > 0) throw invalid(violations);
  return measured;
}

interface Ingesting {
  readonly options: IngestOptions;
  readonly report: Report;
  readonly ingestTime: Instant;
  readonly nowMs: number;
  /** Of events that say nothing of it. */
  readonly callTrace: Trace;
  /** Attributes of an event before, that were well as they came. */
  shared: Labels | undefined;
}

function ingestOne(event: NewEvent, ingesting: Ingesting): MeasuredEvent {
  const { options, report, ingestTime, nowMs } = ingesting;
  const { context } = options;
  const redactor = options.redactor ?? noRedactor;
  const head = judgeHead(event, report);
  const data = judgedData(event, { redactor, report, maxDepth: context.maxDepth });
  const trace = traceOf(event, ingesting);
  const attributes = judgedAttributes(event, trace, ingesting);
  const wireBytes = head + attributes.bytes + data.bytes;
  judgeSize(wireBytes, report);
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
    data: data.value,
    dataText: data.text,
    attributes: attributes.value,
    redacted: data.paths.length === 0 ? attributes.paths : [...data.paths, ...attributes.paths],
  };
  return { event: whole, wireBytes };
}

interface Judging {
  readonly redactor: Pick<Redactor, 'json' | 'isClean'>;
  readonly report: Report;
  readonly maxDepth: number | undefined;
}

interface Judged {
  readonly value: JsonObject | undefined;
  readonly text: JsonText | undefined;
  readonly paths: readonly string[];
  readonly bytes: number;
}

const noPaths: readonly string[] = [];

/** Data as it is stored. What came as text stays text where nothing of it is to be masked or refused. */
function judgedData({ data, dataText }: NewEvent, { redactor, report, maxDepth }: Judging): Judged {
  if (dataText !== undefined && dataText.depth <= maxDepthOf(maxDepth) && redactor.isClean(dataText)) {
    return { value: undefined, text: dataText, paths: noPaths, bytes: dataText.wireBytes };
  }
  const given = dataText === undefined ? data : (dataText.value() as JsonObject);
  if (given === undefined) return { value: undefined, text: undefined, paths: noPaths, bytes: 0 };
  const judge = createDataJudge(report, maxDepth);
  const { value, paths } = redactor.json(given, 'data', judge);
  return { value, text: undefined, paths, bytes: judge.bytes() };
}

interface Labels {
  readonly value: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  /** Of what the publisher gave. */
  readonly bytes: number;
}

/** Attributes as they are stored. Events that share an object of them, with nothing to add or to mask, are judged once. */
function judgedAttributes(event: NewEvent, trace: Trace, ingesting: Ingesting): Labels {
  const { options, report } = ingesting;
  const given = event.attributes ?? noAttributes;
  const whole = attributesOf(given, trace, options.stamp(event, options.context));
  if (whole === ingesting.shared?.value) return ingesting.shared;
  let clean = true;
  const bytes = judgeAttributes(given, (...violation) => {
    clean = false;
    report(...violation);
  });
  const masked = (options.redactor ?? noRedactor).json(whole, 'attributes');
  const labels = { value: masked.value, paths: masked.paths, bytes };
  if (clean && masked.value === given) ingesting.shared = labels;
  return labels;
}

const noAttributes = {};

type Attributes = Readonly<Record<string, string>>;

function attributesOf(given: Attributes, { original }: Trace, stamp: Attributes | undefined): Attributes {
  if (original === undefined && stamp === undefined) return given;
  return { ...given, ...(original !== undefined && { original_trace_id: original }), ...stamp };
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
function traceOf({ traceId: given = '', spanId: span = '' }: NewEvent, { options: { context: call }, callTrace }: Ingesting): Trace {
  if (given === '' && span === '') return callTrace;
  const spanId = isGivenId(span) ? span : '';
  if (!isGivenId(given)) return { traceId: call.traceId ?? '', spanId: spanId || (call.spanId ?? '') };
  if (given === call.traceId) return { traceId: given, spanId: spanId || (call.spanId ?? '') };
  if (plainTraceId.test(given)) return { traceId: given, spanId };
  const traceId = normalTraceId(given);
  return given.length === 32 ? { traceId, spanId } : { traceId, spanId, original: given };
}
