import type { JsonObject } from '../events/types.ts';
import type { Feed } from '../kernel/feed.ts';

export const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Level = (typeof levels)[number];
export type LogStream = 'STDOUT' | 'STDERR';

/** One stored line; see `LogEntry` in log.proto. */
export interface LogEntry {
  /** Strictly rising over all sources and restarts; its decimal text is the cursor. */
  readonly seq: number;
  readonly timeMs: number;
  readonly source: string;
  readonly level: Level;
  readonly message: string;
  readonly stream: LogStream;
  readonly pid: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly fields: JsonObject | undefined;
  readonly truncated: boolean;
  /** The line had not ended when this was stored; what follows of it is the next entry of its source and stream. */
  readonly partial: boolean;
}

/** Fields are ANDed, values of one field ORed; what is absent or empty keeps everything. */
export interface LogFilter {
  readonly sources?: readonly string[] | undefined;
  readonly minLevel?: Level | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly text?: string | undefined;
  readonly traceId?: string | undefined;
}

export interface TailItem {
  readonly entries: readonly LogEntry[];
  /** What this reader, or the store, lost since the last item. */
  readonly dropped?: { readonly source: string; readonly count: number };
  /** Where a reader that got this resumes. */
  readonly cursor: number;
}

/** What a line says of itself, told by the engine that wrote it. */
export interface ParsedLine {
  readonly level?: Level | undefined;
  readonly message?: string | undefined;
  /** Unix ms. */
  readonly timeMs?: number | undefined;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly fields?: JsonObject;
}

export type PunchHole = (path: string, hole: { readonly offset: number; readonly length: number }) => Promise<boolean>;

/** Follows the two spool files of one run of a process until it is closed. */
export interface Collection {
  /** Reads what is there (the process has ended), then stops following. */
  drain(): Promise<void>;
  /** The newest lines of this run, oldest first: for exit events. */
  lastLines(count: number): readonly string[];
  /** Calls `fn` for every line of this run, also for those that came before. Answers how to stop. */
  onLine(fn: (line: string) => void): () => void;
}

/** The room's front door. */
export interface Logs {
  /** Follows spool files that a child appends to (they exist). */
  collect(options: {
    readonly source: string;
    readonly pid: number;
    readonly stdoutPath: string;
    readonly stderrPath: string;
    /** What a line says of itself; it is given the line as it will be stored, secrets masked. */
    readonly parse?: (line: string) => ParsedLine;
    /** Values that are secrets by the configuration in force, for the lines that come now. */
    readonly secrets?: () => readonly string[];
    /** Frees the blocks of a file between two offsets without changing its size; false where the file system cannot. */
    readonly punchHole?: PunchHole;
  }): Collection;
  /** Takes a line of the agent's own log. */
  ingestOwn(line: {
    readonly timeMs: number;
    readonly level: Level;
    readonly message: string;
    readonly traceId: string;
    readonly spanId: string;
    readonly fields: JsonObject;
  }): void;
  /** Takes a line that came by another way than a spool. What is too much for the disk is dropped and counted by source. */
  ingest(line: Omit<LogEntry, 'seq' | 'truncated' | 'partial'> & { readonly truncated?: boolean }): void;
  /** Resolves when every line that was taken before can be listed, or was dropped and counted. Never rejects. */
  settled(): Promise<void>;
  list(query: {
    readonly filter?: LogFilter | undefined;
    readonly order: 'asc' | 'desc';
    readonly pageSize: number;
    /** Exclusive: entries after it in `order`. */
    readonly cursor?: number | undefined;
    /** Ends a search whose caller has left: the promise is rejected with its reason. */
    readonly signal?: AbortSignal;
  }): Promise<{ readonly entries: readonly LogEntry[]; readonly nextCursor?: number }>;
  /**
   * A tail to be pushed, by who writes to sockets. Joining throws CURSOR_INVALID; the first item comes at once, and an empty one at least every
   * `idleEveryMs`.
   */
  feed(options: {
    readonly filter?: LogFilter | undefined;
    readonly afterCursor?: number | undefined;
    /** Entries of backlog where no cursor is given. */
    readonly lines: number;
    readonly idleEveryMs: number;
  }): Feed<TailItem>;
  /** The same, to be pulled: throws before the first item, ends when the signal fires. */
  tail(options: Parameters<Logs['feed']>[0] & { readonly signal: AbortSignal }): AsyncIterable<TailItem>;
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}
