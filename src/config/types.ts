import type { Author } from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import type { Problem } from '../kernel/errors.ts';
import type { Principal } from '../kernel/principal.ts';

export type { Author };

export type Effect = 'APPLIED' | 'RESTART_REQUIRED' | 'UNCHANGED';

/** One key that differs. */
export interface KeyChange {
  /** Dotted path of the leaf. */
  readonly path: string;
  /** In the notation of the files, secrets masked; undefined where there is none. */
  readonly oldValue: Json | undefined;
  readonly newValue: Json | undefined;
  readonly effect: Effect;
}

export interface ConfigChange {
  readonly revision: number;
  readonly etag: string;
  readonly changes: readonly KeyChange[];
  readonly restartRequired: boolean;
}

export interface AgentConfig {
  /** Effective, secrets masked. */
  readonly document: JsonObject;
  /** Dotted key -> file, `env NAME`, flag or `default`. */
  readonly sources: Readonly<Record<string, string>>;
  readonly revision: number;
  readonly etag: string;
  readonly timeMs: number;
  /** The managed files with their comments, secrets masked; empty without a file. */
  readonly yaml: string;
}

export interface ConfigRevision {
  readonly revision: number;
  readonly etag: string;
  /** `file` for a change by hand. */
  readonly author: string;
  readonly reason: string;
  readonly timeMs: number;
  readonly changes: readonly KeyChange[];
}

/** A document that comes from outside: exactly one of the two. */
export type Candidate = { readonly document: JsonObject } | { readonly yaml: string };

export interface UpdateOptions {
  /** Dotted keys; empty = the whole document. */
  readonly mask: readonly string[];
  /** undefined = whatever is there. */
  readonly etag: string | undefined;
  readonly validateOnly: boolean;
  /** Judged for each key that the change touches. Absent: the agent itself, which may change all. */
  readonly caller?: Principal;
  readonly author: Author;
}

/**
 * The agent's own configuration. Changes go one after the other. Methods throw AgentError (CONFIG_INVALID with violations,
 * CONFIG_NOT_MANAGED, CONFIG_NOT_WRITTEN, DISK_FULL, CONFIG_REVISION_NOT_FOUND, ETAG_STALE, SCOPE_MISSING); a change that throws has changed nothing.
 */
export interface ConfigManager {
  get(): AgentConfig;
  update(candidate: Candidate, options: UpdateOptions): Promise<ConfigChange>;
  /** Reads the files again: a call, SIGHUP, or a change by hand. */
  reload(author: Author): Promise<ConfigChange>;
  /** What is wrong with a document; empty = fit. */
  validate(candidate: Candidate): readonly Problem[];
  /** Newest first; `before` is exclusive. */
  revisions(options: { readonly before?: number | undefined; readonly limit: number }): Promise<readonly ConfigRevision[]>;
  rollback(revision: number, author: Author, caller?: Principal): Promise<ConfigChange>;
  /** DEGRADED while a hand edit is refused: names file and line. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}
