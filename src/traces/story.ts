import type { Journal, StoredEvent } from '../events/types.ts';
import { AgentError } from '../kernel/errors.ts';
import type { FinishedSpan } from '../telemetry/types.ts';
import type { TraceEntry, TraceLine, TraceStory } from './types.ts';

/** Of each kind at most so many are shown. */
export const mostSpans = 2000;
const mostEvents = 2000;
const mostLines = 1000;
const pageSize = 1000;
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

async function eventsOf(journal: Pick<Journal, 'list'>, traceId: string, signal: AbortSignal): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: number | undefined;
  do {
    const page = await journal.list({ filter: { traceId }, order: 'asc', pageSize, signal, ...(cursor !== undefined && { cursor }) });
    events.push(...page.events);
    cursor = page.nextCursor;
  } while (cursor !== undefined && events.length <= mostEvents);
  return events;
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
  const events = await eventsOf(journal, traceId, signal);
  const marks = [
    ...spans.flatMap(({ startMs, durationMs }) => [startMs, startMs + durationMs]),
    ...events.map(timeOf),
    ...events.map(({ ingestTime }) => ingestTime.seconds * 1000),
  ];
  const known = marks.length > 0;
  const sinceMs = known ? Math.floor(Math.min(...marks) - marginMs) : undefined;
  const untilMs = known ? Math.ceil(Math.max(...marks) + marginMs) : undefined;
  const found = await lines({ traceId, sinceMs, untilMs, limit: mostLines + 1, signal });
  const entries: TraceEntry[] = [
    ...spans.slice(0, mostSpans).map((span) => ({ kind: 'SPAN', timeMs: span.startMs, span }) as const),
    ...events.slice(0, mostEvents).map((event) => ({ kind: 'EVENT', timeMs: timeOf(event), event }) as const),
    ...found.slice(0, mostLines).map((line) => ({ kind: 'LOG', timeMs: line.timeMs, line }) as const),
  ].toSorted((a, b) => a.timeMs - b.timeMs);
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
    truncated: spans.length > mostSpans || events.length > mostEvents || found.length > mostLines,
  };
}

/** What the story is called: its first span, or else its first event, or else the source of its first line. */
function rootOf(entries: readonly TraceEntry[]): string {
  for (const entry of entries) if (entry.kind === 'SPAN') return entry.span.name;
  for (const entry of entries) if (entry.kind === 'EVENT') return entry.event.type;
  for (const entry of entries) if (entry.kind === 'LOG') return entry.line.source;
  return '';
}
