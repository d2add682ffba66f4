import type { JsonObject, NewEvent } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { redactText } from '../../kernel/redaction.ts';
import { cleanText, createLineSplitter, type Level, type LogStream, type Logs } from '../../logs/index.ts';
import { normalise } from '../normalise/normalise.ts';
import { severityOf } from '../normalise/words.ts';

/** What a run may write; what is beyond is dropped and counted. */
export const outputLimits = { lines: 100_000, events: 1_000 } as const;
const keptLines = 10;
const keptLineChars = 500;

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

/** The output of one run, line by line: every line is a log entry, one that is an event of sboxmgr's is an event, too. */
export function createOutput({ logs, clock, traceId, spanId, onEvent }: OutputOptions): Output {
  const splitters = { STDOUT: createLineSplitter(), STDERR: createLineSplitter() };
  const counts = { lines: 0, events: 0, dropped_lines: 0, dropped_events: 0 };
  const last: string[] = [];
  const line = (stream: LogStream, bytes: Buffer): void => {
    const text = cleanText(bytes);
    if (text.trim() === '') return;
    if (counts.lines >= outputLimits.lines) {
      counts.dropped_lines += 1;
      return;
    }
    counts.lines += 1;
    last.push(redactText(text.slice(0, 4 * keptLineChars)).slice(0, keptLineChars));
    if (last.length > keptLines) last.shift();
    const document = documentOf(text);
    const said = document === undefined ? undefined : entryOf(document);
    const { level = stream === 'STDERR' ? plainLevel(text) : 'INFO', message = text, fields } = said ?? {};
    logs.ingest({ timeMs: clock.wallMs(), source: logSource, level, message, stream, pid: 0, traceId, spanId, fields });
    if (document !== undefined) event(document);
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
    const traced = made.event.traceId === undefined ? { traceId, spanId } : {};
    onEvent({ source: logSource, ...made.event, ...traced });
  };
  return {
    take(stream, chunk) {
      for (const { bytes } of splitters[stream].feed(chunk, 0)) line(stream, bytes);
    },
    end() {
      for (const stream of ['STDOUT', 'STDERR'] as const) {
        const half = splitters[stream].half();
        if (half.length > 0 && !splitters[stream].skipping()) line(stream, half);
        splitters[stream].reset(Buffer.alloc(0), false);
      }
    },
    facts: () => ({ ...counts }),
    lastLines: () => [...last],
    said: (pattern) => last.some((text) => pattern.test(text)),
  };
}

function documentOf(text: string): JsonObject | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
  } catch {
    return undefined; // a line like any other
  }
}

interface Entry {
  readonly level?: Level;
  readonly message?: string;
  readonly fields?: JsonObject;
}

const levels = { DEBUG: 'DEBUG', INFO: 'INFO', WARNING: 'WARN', ERROR: 'ERROR', CRITICAL: 'FATAL' } as const;

/** A line of sboxmgr's JSON log, or of its events: level and message stand at the top or in the data, the rest are fields. */
function entryOf(document: JsonObject): Entry {
  const data = document['data'];
  const inner = typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as JsonObject) : {};
  const severity = severityOf(document['level'] ?? inner['level'] ?? document['severity']);
  const message = document['message'] ?? inner['message'];
  const { message: _, level: __, ...fields } = document;
  return {
    ...(severity !== undefined && { level: levels[severity] }),
    ...(typeof message === 'string' && { message, fields }),
  };
}

/** sboxctl says how bad it is by a word or a sign at the beginning, at most. */
function plainLevel(text: string): Level {
  if (/^(?:\W*\b(?:error|critical|fatal|traceback)\b|❌)/i.test(text)) return 'ERROR';
  return /^(?:\W*\bwarn(?:ing)?\b|⚠)/i.test(text) ? 'WARN' : 'INFO';
}
