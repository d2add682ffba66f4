import type { JsonObject, StoredEvent } from '../events/types.ts';

import type { Principal } from '../kernel/principal.ts';

export const pluginStates = ['UNKNOWN', 'STARTING', 'ACTIVE', 'DEGRADED', 'UNHEALTHY', 'RECOVERING', 'STOPPED', 'DISABLED'] as const;
export type PluginState = (typeof pluginStates)[number];
export type PluginKind = 'LIBRARY' | 'PROCESS' | 'REMOTE';
export type HealthStatus = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';

/** A plugin as others see it: an immutable picture of one moment. See `Plugin` in plugin.proto for the meaning of the fields. */
export interface PluginView {
  readonly id: string;
  readonly name: string;
  /** undefined where nobody registered it. */
  readonly kind: PluginKind | undefined;
  readonly version: string;
  readonly state: PluginState;
  readonly reason: string;
  readonly message: string;
  readonly enabled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly lastSeenMs: number | undefined;
  readonly leaseExpireTimeMs: number | undefined;
  readonly cadenceMs: number | undefined;
  readonly health: {
    /** undefined before the first check or report. */
    readonly status: HealthStatus | undefined;
    readonly message: string;
    readonly checkTimeMs: number | undefined;
    readonly consecutiveFailures: number;
    readonly data: JsonObject | undefined;
  };
  readonly calls: { readonly count: number; readonly errors: number; readonly p95Ms: number };
  readonly configRevision: number;
  readonly appliedConfigRevision: number;
  readonly processId: string;
  readonly recovery: {
    readonly attempts: number;
    readonly budget: number;
    readonly lastAction: string;
    readonly nextTimeMs: number | undefined;
  };
  readonly etag: string;
  /** Whether its recovery gave up: kept until someone enables, starts or deletes it, or it is well again. */
  readonly lost: boolean;
  /** The story of its present illness; empty while it is well. */
  readonly traceId: string;
}

export interface PluginChange {
  readonly plugins: readonly PluginView[];
  readonly removedIds: readonly string[];
}

export interface Registration {
  readonly id: string;
  readonly name: string;
  readonly kind: PluginKind | undefined;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cadenceMs: number | undefined;
  readonly leaseMs: number | undefined;
  readonly schema: JsonObject | undefined;
  readonly secretPaths: readonly string[];
}

/** A call of a plugin: the session that it names, and who makes it. */
export interface SessionRef {
  readonly id: string;
  readonly sessionId: string;
  readonly caller: Principal;
}

export interface Session {
  readonly plugin: PluginView;
  readonly sessionId: string;
  /** undefined without a lease. */
  readonly leaseMs: number | undefined;
}

export interface HealthReport {
  readonly status: HealthStatus;
  readonly message: string;
  readonly data: JsonObject | undefined;
}

/** The room's front door. Methods throw AgentError (PLUGIN_…). */
export interface Plugins {
  /** The first registration binds the id to its caller; from then on others get PLUGIN_OWNED, but for `admin`. */
  register(registration: Registration, caller: Principal): Promise<Session>;
  /** Throws PLUGIN_OWNED where the caller may not speak for this id. */
  assertOwner(id: string, caller: Principal): void;
  /** Answers the moment (Unix ms) at which the lease ends. */
  renew(session: SessionRef): number;
  report(session: SessionRef, report: HealthReport): Promise<PluginView>;
  /** The plugin ends on purpose: the session is over, and it is STOPPED until it registers again. Throws unless it is its present session. */
  endSession(session: SessionRef): Promise<PluginView>;
  /** Throws unless it is the plugin's present session; `onEnd` is called once when it ends. Answers how to stop listening. */
  followSession(session: SessionRef, onEnd: () => void): () => void;
  list(): readonly PluginView[];
  get(id: string): PluginView;
  /** The newest 100, newest first. */
  recentEvents(id: string): Promise<readonly StoredEvent[]>;
  enable(id: string): Promise<PluginView>;
  disable(id: string): Promise<PluginView>;
  start(id: string): Promise<PluginView>;
  stop(id: string): Promise<PluginView>;
  restart(id: string): Promise<PluginView>;
  /** Forgets it. The id stays its owner's, unless the owner or an admin forgets it: then it is anybody's. */
  remove(id: string, caller: Principal): Promise<void>;
  /** Calls `fn` for every change, in order, synchronously. Answers how to stop. */
  onChange(fn: (change: PluginChange) => void): () => void;
  readonly documents: PluginDocuments;
}

export type ApplyState = 'PENDING' | 'APPLIED' | 'FAILED';

/** See `PluginConfig` in plugin_config.proto. */
export interface PluginDocument {
  readonly pluginId: string;
  /** undefined before the first one. */
  readonly config: JsonObject | undefined;
  readonly schema: JsonObject | undefined;
  /** 0 before the first one. */
  readonly revision: number;
  readonly etag: string;
  readonly appliedRevision: number;
  /** undefined before the first one. */
  readonly applyState: ApplyState | undefined;
  readonly applyMessage: string;
  readonly timeMs: number | undefined;
}

export interface PluginBackup {
  readonly id: string;
  readonly revision: number;
  readonly timeMs: number;
  readonly expireTimeMs: number;
  readonly bytes: number;
}

export interface DocumentUpdate {
  readonly config: JsonObject;
  /** undefined = whatever is there. */
  readonly etag: string | undefined;
  readonly validateOnly: boolean;
  /** Of the call: `config.applied` and `config.rejected` stand under it. */
  readonly traceId: string;
  readonly author: string;
}

/**
 * The configuration documents of plugins. Whether a plugin is known is the registry's question: here an unknown id has an empty
 * document. Changes of one plugin go one after the other. Methods throw AgentError (INVALID_REQUEST, CONFIG_INVALID with violations,
 * ETAG_STALE, BACKUP_NOT_FOUND, BACKUP_DAMAGED, PLUGIN_SCHEMA_INVALID, CONFIG_NOT_WRITTEN, DISK_FULL).
 */
export interface PluginDocuments {
  /** Secrets masked. */
  get(id: string): PluginDocument;
  /** For the plugin itself. */
  unmasked(id: string): PluginDocument;
  update(id: string, update: DocumentUpdate): Promise<PluginDocument>;
  acknowledge(id: string, ack: { readonly revision: number; readonly applied: boolean; readonly message: string }): Promise<PluginDocument>;
  /** Newest first. */
  backups(id: string): Promise<readonly PluginBackup[]>;
  restore(id: string, backup: string, by: { readonly author: string; readonly traceId: string }): Promise<PluginDocument>;
  /** Calls `fn` when a document, or what became of it, changed; also when it is handed out again. Answers how to stop. */
  onChange(fn: (id: string) => void): () => void;
  /** DEGRADED while a hand edit is refused: names file and line. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}

/** What a plugin brings at its registration. */
export interface BroughtSchema {
  readonly schema: JsonObject | undefined;
  readonly secretPaths: readonly string[];
  /** Whether who brings it may take secret places away (`config:write`). */
  readonly mayUnmask: boolean;
}

/** What the registry asks of the documents, beside what everybody may. */
export interface DocumentKeeper extends PluginDocuments {
  /** What a plugin brought at its registration; kept over restarts. Throws PLUGIN_SCHEMA_INVALID. A document that no longer fits stays and is told once. */
  setSchema(id: string, brought: BroughtSchema): Promise<void>;
  /** Hands the present document out again, as if it were new: apply state PENDING. False without one. */
  push(id: string): Promise<boolean>;
  /** Makes the newest acknowledged revision the document again, as a new revision. False where there is none or it is that already. */
  rollback(id: string, by: { readonly author: string; readonly traceId: string }): Promise<boolean>;
  /** Where the document lies: a process plugin reads it there. */
  file(id: string): string;
  remove(id: string): Promise<void>;
  setSettings(settings: {
    readonly autoReload: boolean;
    readonly validation: boolean;
    readonly backupEnabled: boolean;
    readonly backupRetentionMs: number;
  }): void;
  stop(): Promise<void>;
}
