import type { ErrorReason } from '../kernel/catalogue.ts';
import type { Feed } from '../kernel/feed.ts';
import type { JsonText } from '../kernel/json-text.ts';
import type { Principal } from '../kernel/principal.ts';

export const severities = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type Severity = (typeof severities)[number];

/** Any JSON value, as events carry it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A moment with the precision of the wire (google.protobuf.Timestamp). */
export interface Instant {
  /** Unix seconds. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanos: number;
}

/** An event as a publisher hands it in: what is absent is filled in by the ingest. */
export interface NewEvent {
  readonly type: string;
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly subject?: string | undefined;
  readonly severity?: Severity | undefined;
  readonly priority?: number | undefined;
  readonly time?: Instant | undefined;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly data?: JsonObject | undefined;
  /** The data as text, by who read it off the wire and made no object of it. */
  readonly dataText?: JsonText | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** An event of the journal; see `Event` in event.proto for the meaning of the fields. */
export interface StoredEvent {
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly priority: number;
  readonly time: Instant;
  readonly ingestTime: Instant;
  readonly traceId: string;
  readonly spanId: string;
  readonly correlationId: string;
  readonly data: JsonObject | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly redacted: readonly string[];
}

/** Fields are ANDed, values of one field ORed; what is absent or empty keeps everything. */
export interface EventFilter {
  readonly types?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly subjects?: readonly string[] | undefined;
  readonly minSeverity?: Severity | undefined;
  /** `time` at or after. */
  readonly since?: Instant | undefined;
  /** `time` before. */
  readonly until?: Instant | undefined;
  readonly traceId?: string | undefined;
  readonly text?: string | undefined;
}

/** What is known of an event without an object for all of it. */
export type EventHead = Pick<StoredEvent, 'revision' | 'id' | 'type' | 'source' | 'attributes'>;

export interface Receipt extends EventHead {
  /** Made when it is first asked for, which of most receipts it never is. */
  readonly event: StoredEvent;
  /** Whether the data may have this key, at any level: what costs less than to make the event. */
  mentions(key: string): boolean;
  /** Whether (source, id) was stored before: this is then the first one. */
  readonly duplicate: boolean;
  /** What the event counts as wherever bytes have a limit; 0 of a duplicate. */
  readonly bytes: number;
}

/** What is known of a publishing call and goes into events that do not say it themselves. */
export interface PublishContext {
  /** Default `source`. */
  readonly source: string;
  readonly traceId?: string;
  readonly spanId?: string;
  /** Who publishes. Undefined: a door of the agent's own, which it trusts to speak for any plugin (sboxmgr's socket and its schedule). */
  readonly publisher?: Principal;
  /** Levels that `data` may nest; 48 at most, which is also the default: deeper data could not be read by clients. */
  readonly maxDepth?: number;
  /** The agent itself publishes: its own source and families of types are allowed. Whoever comes from outside has none of this. */
  readonly inside?: true;
}

/** A room that takes part in what is published from outside; what the agent itself has to say goes past it. */
export interface PublishObserver {
  /** Before anything is looked at. May wait for room of its own, and refuses the call by throwing. */
  readonly before?: (events: readonly NewEvent[]) => Promise<void> | undefined;
  /** What it adds to the attributes of an event, over whatever its publisher says there. */
  readonly stamp?: (event: NewEvent, context: PublishContext) => Readonly<Record<string, string>> | undefined;
  /** When they are durable, before the publisher is answered; one receipt for each event. Must not throw. */
  readonly stored: (receipts: readonly Receipt[], events: readonly NewEvent[]) => void;
}

/** One message of a watch. `revision` is where a watcher that got it resumes. */
export type WatchItem =
  | { readonly kind: 'events'; readonly events: readonly StoredEvent[]; readonly revision: number }
  | { readonly kind: 'progress'; readonly revision: number }
  | { readonly kind: 'gap'; readonly fromRevision: number; readonly toRevision: number; readonly count: number; readonly revision: number };

export interface WatchOptions {
  /** Exclusive cursor; absent = live only, 0 = from the oldest kept. */
  readonly afterRevision?: number | undefined;
  readonly filter?: EventFilter | undefined;
  /** Longest silence between two messages. */
  readonly progressEveryMs: number;
  readonly signal: AbortSignal;
}

export interface JournalStats {
  /** 0 when empty. */
  readonly firstRevision: number;
  readonly lastRevision: number;
  readonly count: number;
  readonly bytes: number;
}

/** The room's front door. All methods throw AgentError. */
export interface Journal {
  /** All or none; resolves when durable. INVALID_REQUEST names `events[i].field`s. */
  publish(events: readonly NewEvent[], context: PublishContext): Promise<readonly Receipt[]>;
  /** From now on; answers how to stop. */
  observe(observer: PublishObserver): () => void;
  /**
   * Events of the agent itself. Never throws and never waits: what the disk refuses is kept in a bounded backlog in order,
   * and goes in when the disk is back. Order among calls is the order of revisions.
   */
  emit(event: NewEvent): void;
  /** Resolves when what the agent itself said before is on disk; at once while the disk refuses it, and after a second in any case. */
  settled(): Promise<void>;
  get(id: string, source?: string): Promise<StoredEvent>;
  /**
   * One page of what is on disk. What the agent itself said before the call is among it, unless the disk refuses it or takes more
   * than a second: whoever saw a state finds the event of it.
   */
  list(query: {
    readonly filter?: EventFilter | undefined;
    readonly order: 'asc' | 'desc';
    readonly pageSize: number;
    /** Exclusive: events after it in `order`. */
    readonly cursor?: number | undefined;
    /** Ends a search whose caller has left: the promise is rejected with its reason. */
    readonly signal?: AbortSignal;
  }): Promise<{ readonly events: readonly StoredEvent[]; readonly nextCursor?: number }>;
  /** A watch to be pushed, by who writes to sockets. Joining throws REVISION_COMPACTED or REVISION_AHEAD; the first item comes at once. */
  feed(options: Omit<WatchOptions, 'signal'>): Feed<WatchItem>;
  /** The same, to be pulled: throws before the first item, ends when the signal fires. */
  watch(options: WatchOptions): AsyncIterable<WatchItem>;
  stats(): JournalStats;
  /** Number of open watches. */
  watchers(): number;
  /** HEALTHY, or what is wrong with the disk (`store.degraded` is an event too). */
  health(): {
    readonly status: 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';
    readonly reason?: ErrorReason;
    readonly message: string;
    readonly sinceMs: number;
  };
}
