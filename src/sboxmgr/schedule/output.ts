import type { JsonObject, NewEvent } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { cleanText, createLineSplitter, type LogStream, type Logs } from '../../logs/index.ts';
import { normalise } from '../normalise/normalise.ts';
import { type CapturedLine, createLineReader } from './captured-line.ts';
import { maskCaptured, maskCapturedData } from './mask-captured.ts';

/** What a run may write; what is beyond is dropped and counted. */
export const outputLimits = { lines: 100_000, events: 1_000 } as const;
const keptLines = 10;
const keptLineChars = 500;
/** Trace ids of sboxmgr's own that are told of a run. */
const keptTraceIds = 10;

/** The source of what sboxmgr wrote. */
export const logSource = 'sboxmgr';

export interface Output {
  take(stream: LogStream, chunk: Buffer): void;
  /** Takes what has no line feed at its end. */
  end(): void;
  /** What was counted so far. */
  facts(): { readonly lines: number; readonly events: number; readonly dropped_lines: number; readonly dropped_events: number };
  /** The newest, oldest first, masked. */
  lastLines(): readonly string[];
  /** sboxmgr's own trace ids, in the order in which they were first met. */
  traceIds(): readonly string[];
  /** Whether a line matched. */
  said(pattern: RegExp): boolean;
}

export interface OutputOptions {
  readonly logs: Pick<Logs, 'ingest'>;
  readonly clock: Clock;
  readonly traceId: string;
  readonly spanId: string;
  /** An event that stood on a line. */
  readonly onEvent: (event: NewEvent) => void;
}

/**
 * The output of one run, line by line: every line is a log entry, one that is an event of sboxmgr's is an event, too. A line that names a
 * trace of its own stands under that one, and the run's is kept beside it: sboxmgr shows its own to people.
 */
export function createOutput({ logs, clock, traceId, spanId, onEvent }: OutputOptions): Output {
  const splitters = { STDOUT: createLineSplitter(), STDERR: createLineSplitter() };
  const readers = { STDOUT: createLineReader('STDOUT'), STDERR: createLineReader('STDERR') };
  const counts = { lines: 0, events: 0, dropped_lines: 0, dropped_events: 0 };
  const last: string[] = [];
  const traceIds = new Set<string>();
  const line = (stream: LogStream, { bytes, truncated }: { readonly bytes: Buffer; readonly truncated: boolean }): void => {
    const text = cleanText(bytes);
    if (text.trim() === '') return;
    if (counts.lines >= outputLimits.lines) {
      counts.dropped_lines += 1;
      return;
    }
    counts.lines += 1;
    last.push(maskCaptured(text.slice(0, 4 * keptLineChars)).slice(0, keptLineChars));
    if (last.length > keptLines) last.shift();
    const captured = readers[stream](text);
    entry(captured, stream, truncated);
    if (captured.document !== undefined) event(captured.document);
  };
  const entry = ({ level, message, fields, trace }: CapturedLine, stream: LogStream, truncated: boolean): void => {
    if (trace !== undefined && traceIds.size < keptTraceIds) traceIds.add(trace.traceId);
    const own = trace !== undefined && trace.traceId !== traceId;
    logs.ingest({
      timeMs: clock.wallMs(),
      source: logSource,
      level,
      message: maskCaptured(message),
      stream,
      pid: 0,
      traceId: own ? trace.traceId : traceId,
      spanId: own ? (trace.spanId ?? '') : spanId,
      fields: { ...maskCapturedData(fields), ...(own && { run_trace_id: traceId, original_trace_id: trace.original ?? trace.traceId }) },
      truncated,
    });
  };
  const event = (document: JsonObject): void => {
    // Lines of its JSON log are no events.
    if (document['event_type'] === undefined && document['type'] === undefined) return;
    const made = normalise(document);
    if (!made.ok) return;
    if (counts.events >= outputLimits.events) {
      counts.dropped_events += 1;
      return;
    }
    counts.events += 1;
    const { data, attributes, ...rest } = made.event;
    const own = rest.traceId !== undefined && rest.traceId !== traceId;
    onEvent({
      source: logSource,
      ...rest,
      ...(data && { data: maskCapturedData(data) }),
      attributes: { ...maskCapturedData(attributes ?? {}), ...(own && { run_trace_id: traceId }) },
      ...(!own && { traceId, spanId }),
    });
  };
  return {
    take(stream, chunk) {
      for (const raw of splitters[stream].feed(chunk, 0).lines) line(stream, raw);
    },
    end() {
      for (const stream of ['STDOUT', 'STDERR'] as const) {
        const half = splitters[stream].half();
        if (half.length > 0 && !splitters[stream].skipping()) line(stream, { bytes: half, truncated: false });
        splitters[stream].reset(Buffer.alloc(0), false);
      }
    },
    facts: () => ({ ...counts }),
    lastLines: () => [...last],
    traceIds: () => [...traceIds],
    said: (pattern) => last.some((text) => pattern.test(text)),
  };
}
