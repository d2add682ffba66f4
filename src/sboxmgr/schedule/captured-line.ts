/** What a line of sboxmgr's output says of itself: its text log, its compact log, its JSON log, its events, or plain words. */
import type { Json, JsonObject } from '../../events/index.ts';
import type { Level, LogStream } from '../../logs/index.ts';
import { traceIn } from '../normalise/normalise.ts';
import { ofTraceId, type Trace } from '../normalise/traces.ts';
import { severityOf } from '../normalise/words.ts';

export interface CapturedLine {
  readonly level: Level;
  readonly message: string;
  readonly fields: JsonObject;
  /** Its own; undefined where it names none. */
  readonly trace: Trace | undefined;
  /** A line that is a JSON object: it may be an event. */
  readonly document: JsonObject | undefined;
}

/** Reads the lines of one stream in order: those of a traceback belong to the line that they follow. */
export type LineReader = (text: string) => CapturedLine;

const levels = { DEBUG: 'DEBUG', INFO: 'INFO', WARNING: 'WARN', ERROR: 'ERROR', CRITICAL: 'FATAL' } as const;
/** `19:12:58 [ERROR] (fetch) [379accd1] message`; the operation and the trace may be absent. */
const textLine = /^(\d\d:\d\d:\d\d) \[([A-Za-z]{1,16})\](?: \(([^()]{1,64})\))?(?: \[([0-9a-fA-F-]{8,36})?\])?(?: ([\s\S]*))?$/;
/** `E:379accd1:fetch:message` */
const compactLine = /^([DIWEC]):([0-9a-fA-F-]{8,36}):([\w.-]{1,64}):([\s\S]*)$/;
const initials: Readonly<Record<string, Level>> = { D: 'DEBUG', I: 'INFO', W: 'WARN', E: 'ERROR', C: 'FATAL' };

export function createLineReader(stream: LogStream): LineReader {
  let trace: Trace | undefined;
  let inTraceback = false;
  return (text) => {
    const found = ofText(text) ?? ofCompact(text) ?? ofDocument(text);
    if (found !== undefined) {
      inTraceback = false;
      trace = found.trace ?? trace;
      return found;
    }
    const level = inTraceback || text.startsWith('Traceback (') ? 'ERROR' : plainLevel(text, stream);
    const line = { level, message: text, fields: {}, trace: inTraceback ? trace : undefined, document: undefined };
    if (text.startsWith('Traceback (')) inTraceback = true;
    // The exception itself, the first line that is not indented, ends it.
    else if (!/^\s/.test(text)) inTraceback = false;
    return text.startsWith('Traceback (') ? { ...line, trace } : line;
  };
}

function levelOf(word: string): Level | undefined {
  const severity = severityOf(word);
  return severity && levels[severity];
}

function ofText(text: string): CapturedLine | undefined {
  const [, time = '', word = '', op, id, message = ''] = textLine.exec(text) ?? [];
  const level = levelOf(word);
  if (level === undefined) return undefined;
  return { level, message, fields: { time, ...(op !== undefined && { op }) }, trace: ofTraceId(id), document: undefined };
}

function ofCompact(text: string): CapturedLine | undefined {
  const [, initial = '', id, op = '', message = ''] = compactLine.exec(text) ?? [];
  const level = initials[initial];
  const trace = ofTraceId(id);
  return level && trace && { level, message, fields: { op }, trace, document: undefined };
}

/** Level and message stand at the top or in the data, the rest are fields. */
function ofDocument(text: string): CapturedLine | undefined {
  const document = documentOf(text);
  if (document === undefined) return undefined;
  const data = document['data'];
  const inner = typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as JsonObject) : {};
  const severity = severityOf(document['level'] ?? inner['level'] ?? document['severity']);
  const said: Json | undefined = document['message'] ?? inner['message'];
  const { message: _, level: __, ...fields } = document;
  return {
    level: severity === undefined ? 'INFO' : levels[severity],
    ...(typeof said === 'string' ? { message: said, fields } : { message: text, fields: {} }),
    trace: traceIn(document),
    document,
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

/** sboxctl says how bad it is by a sign at the beginning, or on stderr by a word, at most. On stdout such a word may be anything. */
function plainLevel(text: string, stream: LogStream): Level {
  const words = stream === 'STDERR';
  if (/^\s*❌/.test(text) || (words && /^\W*\b(?:error|critical|fatal|[A-Za-z]+(?:Error|Exception))\b/i.test(text))) return 'ERROR';
  return /^\s*⚠/.test(text) || (words && /^\W*\bwarn(?:ing)?\b/i.test(text)) ? 'WARN' : 'INFO';
}
