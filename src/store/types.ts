import type { DatabaseSync } from 'node:sqlite';
import type { DiskKind } from './disk-errors.ts';

/** A row of arguments or results: structured-clone data. */
export type Args = unknown;

/** What a room brings into the store's worker threads. Rooms own their SQL; the store owns the file, the transaction and the thread. */
export interface ProcedureModule {
  /** Run once each, in order, in one transaction; their number is the room's schema version. */
  readonly migrations: readonly string[];
  /** Run inside the group's transaction, and once more where a call of the group throws: a throw undoes this call alone. They keep nothing outside of `db`. */
  readonly writes: Readonly<Record<string, (db: DatabaseSync, args: never) => unknown>>;
  /** Run on a read-only connection in a thread of its own. */
  readonly reads: Readonly<Record<string, (db: DatabaseSync, args: never) => unknown>>;
}

/** The procedures of each room, by the name that `write` and `read` call it by. */
export type Procedures = Readonly<Record<string, ProcedureModule>>;

export interface StoreHealth {
  readonly status: 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';
  /** Absent when HEALTHY, and where a thread ended. */
  readonly kind?: DiskKind;
  readonly message: string;
  readonly sinceMs: number;
}

/** SQLite behind worker threads. Errors of the disk reject with AgentError JOURNAL_FULL or JOURNAL_UNAVAILABLE. */
export interface Store {
  /** Calls a write procedure; resolves after its group is committed (durable as configured). `records` counts towards the group's 1024. */
  write<T>(room: string, name: string, args: Args, records?: number): Promise<T>;
  read<T>(room: string, name: string, args: Args): Promise<T>;
  health(): StoreHealth;
  onHealth(fn: (health: StoreHealth) => void): () => void;
  stop(): Promise<void>;
}
