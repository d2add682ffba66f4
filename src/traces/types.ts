import type { StoredEvent } from '../events/types.ts';
import type { FinishedSpan } from '../telemetry/types.ts';

/** A trace in a list; see `TraceSummary` in trace.proto. */
export interface TraceSummary {
  readonly traceId: string;
  readonly root: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly spans: number;
  readonly error: boolean;
}

export interface TraceFilter {
  /** From this moment on. */
  readonly sinceMs: number | undefined;
  /** Before this moment. */
  readonly untilMs: number | undefined;
  readonly minDurationMs: number;
  /** Globs: `*` stands for anything. */
  readonly methods: readonly string[];
  readonly errorsOnly: boolean;
  readonly text: string;
}

export interface TraceListOptions {
  readonly filter: TraceFilter;
  readonly pageSize: number;
  /** `<start in ms>:<trace id>` of the last one of the page before. */
  readonly cursor: string | undefined;
}

export interface TracePage {
  readonly traces: readonly TraceSummary[];
  /** Absent on the last page. */
  readonly nextCursor: string | undefined;
}

/** A line of a log as a trace shows it. */
export interface TraceLine {
  readonly cursor: string;
  readonly timeMs: number;
  readonly source: string;
  readonly level: string;
  readonly message: string;
  readonly spanId: string;
}

export type TraceEntry =
  | { readonly kind: 'SPAN'; readonly timeMs: number; readonly span: FinishedSpan }
  | { readonly kind: 'EVENT'; readonly timeMs: number; readonly event: StoredEvent }
  | { readonly kind: 'LOG'; readonly timeMs: number; readonly line: TraceLine };

/** One story in the order of time. */
export interface TraceStory {
  readonly traceId: string;
  readonly root: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly error: boolean;
  readonly entries: readonly TraceEntry[];
  readonly truncated: boolean;
}

/** The room's front door. */
export interface Traces {
  /** Takes 32 hexadecimal digits. Throws TRACE_NOT_FOUND where nothing is kept under them. */
  get(traceId: string, signal: AbortSignal): Promise<TraceStory>;
  /** Ends when the signal fires: a search that finds little goes over all that is kept. */
  list(options: TraceListOptions, signal?: AbortSignal): Promise<TracePage>;
}
