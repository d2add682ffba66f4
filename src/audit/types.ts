/** What an entry says of a call before its end is known. See audit.proto for the meaning of the fields. */
export interface AuditCall {
  readonly timeMs: number;
  readonly principal: string;
  readonly via: string;
  readonly peer: string;
  readonly method: string;
  readonly target: string;
  readonly traceId: string;
  readonly changes: readonly string[];
}

/** How it ended. */
export interface AuditResult {
  /** Name of gRPC's code: `OK`, `NOT_FOUND`. */
  readonly code: string;
  /** Of the catalogue; empty for a success. */
  readonly reason: string;
  /** Replaces the call's own: what the answer says that was changed. */
  readonly changes?: readonly string[] | undefined;
  /** Replaces the call's own: an id that was made by the call. */
  readonly target?: string | undefined;
}

/** An entry of the chain. */
export interface AuditEntry extends AuditCall {
  readonly sequence: number;
  readonly code: string;
  readonly reason: string;
  readonly hash: string;
}

export interface AuditFilter {
  readonly principals: readonly string[];
  /** Globs: `*` stands for anything. */
  readonly methods: readonly string[];
  readonly targets: readonly string[];
  readonly codes: readonly string[];
  /** From this moment on. */
  readonly sinceMs: number | undefined;
  /** Before this moment. */
  readonly untilMs: number | undefined;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** `cursor` of the next page; absent on the last. */
  readonly nextCursor: number | undefined;
}

export interface AuditListOptions {
  readonly filter: AuditFilter;
  readonly order: 'asc' | 'desc';
  readonly pageSize: number;
  readonly cursor: number | undefined;
}

/** A call whose intent is on disk. */
export interface BegunEntry {
  /** Resolves when the entry is on disk, or kept for the moment when the disk takes it again: the intent is there anyhow. Never rejects. */
  finish(result: AuditResult): Promise<void>;
}

/** The room's front door. */
export interface Audit {
  /** Resolves when it is on disk that the call is about to be made. Throws AUDIT_UNAVAILABLE: then it must not be made. */
  begin(call: AuditCall): Promise<BegunEntry>;
  /** A call that was refused before it was made: written soon, floods in one entry for many. Never throws. */
  refused(call: AuditCall, result: AuditResult): void;
  list(options: AuditListOptions): Promise<AuditPage>;
}
