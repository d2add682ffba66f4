import { eventSize } from '../events/index.ts';
import type { Journal, StoredEvent } from '../events/types.ts';
import { AgentError } from '../kernel/errors.ts';
import { messageBytes } from '../kernel/wire-size.ts';
import type { FinishedSpan } from '../telemetry/types.ts';
import type { TraceEntry, TraceLine, TraceStory } from './types.ts';

/** Of each kind at most so many are shown. */
export const mostSpans = 2000;
const mostEvents = 2000;
const mostLines = 1000;
const pageSize = 1000;
/** Bytes of events that are read for one story: their data is no part of it, and is read all the same. */
const mostRead = 16 * messageBytes;
/** Lines are looked for so long before the first and after the last of the other entries: clocks of children differ a little. */
const marginMs = 60_000;

/** Where lines of a trace come from: the composition root hands it in, since this room knows no logs. */
export type FindLines = (query: {
  readonly traceId: string;
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly limit: number;
  readonly signal: AbortSignal;
}) => Promise<readonly TraceLine[]>;

export interface StorySources {
  readonly journal: Pick<Journal, 'list'>;
  readonly lines: FindLines;
}

interface FoundEvents {
  /** Without their data, which a story does not show. */
  readonly events: readonly StoredEvent[];
  /** Whether there are more than were read. */
  readonly more: boolean;
}

async function eventsOf(journal: Pick<Journal, 'list'>, traceId: string, signal: AbortSignal): Promise<FoundEvents> {
  const events: StoredEvent[] = [];
  let [kept, read] = [0, 0];
  let cursor: number | undefined;
  do {
    const page = await journal.list({ filter: { traceId }, order: 'asc', pageSize, signal, ...(cursor !== undefined && { cursor }) });
    for (const event of page.events) {
      const shown = { ...event, data: undefined };
      read += eventSize(event);
      kept += eventSize(shown);
      events.push(shown);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined && events.length <= mostEvents && kept <= messageBytes && read <= mostRead);
  return { events, more: cursor !== undefined };
}

/** Bytes of an entry beside its texts: tags, lengths, times. */
const entryBytes = 120;

function sizeOf(entry: TraceEntry): number {
  switch (entry.kind) {
    case 'SPAN': {
      const { name, message, attributes } = entry.span;
      return entryBytes + bytesOf(name, message, JSON.stringify(attributes));
    }
    case 'EVENT':
      return entryBytes + eventSize(entry.event);
    case 'LOG':
      return entryBytes + bytesOf(entry.line.source, entry.line.message);
  }
}

function bytesOf(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** As many as one message may carry. */
function firstWithinMessage(entries: readonly TraceEntry[]): readonly TraceEntry[] {
  let bytes = 0;
  const end = entries.findIndex((entry) => {
    bytes += sizeOf(entry);
    return bytes > messageBytes;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

function timeOf({ time }: StoredEvent): number {
  return time.seconds * 1000 + time.nanos / 1_000_000;
}

/** Puts together what is known under a trace id. Throws TRACE_NOT_FOUND where that is nothing. */
export async function composeStory(
  traceId: string,
  spans: readonly FinishedSpan[],
  { journal, lines, signal }: StorySources & { readonly signal: AbortSignal },
): Promise<TraceStory> {
  const { events, more } = await eventsOf(journal, traceId, signal);
  const marks = [
    ...spans.flatMap(({ startMs, durationMs }) => [startMs, startMs + durationMs]),
    ...events.map(timeOf),
    ...events.map(({ ingestTime }) => ingestTime.seconds * 1000),
  ];
  const known = marks.length > 0;
  const sinceMs = known ? Math.floor(Math.min(...marks) - marginMs) : undefined;
  const untilMs = known ? Math.ceil(Math.max(...marks) + marginMs) : undefined;
  const found = await lines({ traceId, sinceMs, untilMs, limit: mostLines + 1, signal });
  // Where not all fit, spans stay before events and events before lines: they are what holds the tree together.
  const all: readonly TraceEntry[] = [
    ...spans.slice(0, mostSpans).map((span) => ({ kind: 'SPAN', timeMs: span.startMs, span }) as const),
    ...events.slice(0, mostEvents).map((event) => ({ kind: 'EVENT', timeMs: timeOf(event), event }) as const),
    ...found.slice(0, mostLines).map((line) => ({ kind: 'LOG', timeMs: line.timeMs, line }) as const),
  ];
  const entries = firstWithinMessage(all).toSorted((a, b) => a.timeMs - b.timeMs);
  const [first] = entries;
  if (first === undefined) {
    throw new AgentError('TRACE_NOT_FOUND', `nothing is kept under the trace ${traceId}`, { metadata: { trace_id: traceId } });
  }
  const endMs = Math.max(...entries.map((entry) => entry.timeMs + (entry.kind === 'SPAN' ? entry.span.durationMs : 0)));
  return {
    traceId,
    root: rootOf(entries),
    startMs: first.timeMs,
    durationMs: endMs - first.timeMs,
    error: spans.some(({ code }) => code !== 'OK' && code !== 'CANCELLED'),
    entries,
    truncated: more || entries.length < spans.length + events.length + found.length,
  };
}

/** What the story is called: its first span, or else its first event, or else the source of its first line. */
function rootOf(entries: readonly TraceEntry[]): string {
  for (const entry of entries) if (entry.kind === 'SPAN') return entry.span.name;
  for (const entry of entries) if (entry.kind === 'EVENT') return entry.event.type;
  for (const entry of entries) if (entry.kind === 'LOG') return entry.line.source;
  return '';
}
