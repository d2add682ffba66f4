import type { DatabaseSync } from 'node:sqlite';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import { checkIntegrity, DamagedError, inTransaction, migrate, type OpenOptions, openWriter } from './database.ts';
import { diskKind, diskMessage, freeBytes, lockMessage, refineKind } from './disk-errors.ts';
import { type Call, type Failure, type Result, retryAfterMs, type Trouble, toFailure, troubleFailure } from './messages.ts';
import { moveAside, numberingAfter } from './quarantine.ts';
import type { ProcedureModule } from './types.ts';
import { isWalDamaged } from './wal-check.ts';

/** A disk is full until this much is free again: a probe of a few pages would fit where no batch does. */
const roomyBytes = 256 * 1024;

/** What a procedure threw, where the disk is not to blame for it. */
class CallError extends Error {
  constructor(cause: unknown) {
    super('a call of the group failed', { cause });
  }
}

export interface WriterOptions extends OpenOptions {
  readonly modules: ReadonlyMap<string, ProcedureModule>;
  readonly check: boolean;
  readonly wallMs: () => number;
}

/** The writing side of the database: one connection, which is closed and opened anew after an error of the disk. */
export class Writer {
  readonly #options: WriterOptions;
  #db: DatabaseSync | undefined;
  #trouble: Trouble | undefined;
  /** Path that a damaged file was moved to. */
  readonly quarantined: string | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.quarantined = this.#start();
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  #start(): string | undefined {
    const { path, durability, modules, check, wallMs } = this.#options;
    try {
      if (check && durability === 'full' && isWalDamaged(`${path}-wal`)) throw new DamagedError('the write-ahead log is damaged');
      this.#db = openWriter(this.#options);
      if (check) checkIntegrity(this.#db);
      migrate(this.#db, modules);
      return undefined;
    } catch (error) {
      this.#close();
      if (!check || error instanceof RefusedError || !(error instanceof DamagedError || diskKind(error) === 'corrupt')) throw error;
    }
    const numbering = numberingAfter(path, wallMs());
    const aside = moveAside(path, wallMs());
    this.#db = openWriter(this.#options);
    migrate(this.#db, modules, numbering);
    return aside;
  }

  /** Gives back the pages that SQLite keeps of the file. */
  shrink(): void {
    this.#db?.exec('PRAGMA shrink_memory');
  }

  /** Commits all calls in one transaction. A bad one undoes itself alone: where there is one, the group runs again with a savepoint for each. */
  run(calls: readonly Call[]): readonly Result[] {
    const trouble = this.#trouble;
    if (trouble) return calls.map(({ n }) => ({ n, failure: troubleFailure(trouble) }));
    try {
      const db = this.#connection();
      return this.#runTogether(db, calls) ?? inTransaction(db, () => calls.map((call) => this.#runApart(db, call)));
    } catch (error) {
      const kind = diskKind(error);
      // What is no disk error (a bug of ours, a lock held by a stranger) fails the group and leaves the writer as it is.
      const failure = kind === undefined ? (this.#locked(error) ?? toFailure(error)) : troubleFailure(this.#fail(error));
      return calls.map(({ n }) => ({ n, failure }));
    }
  }

  #locked(error: unknown): Failure | undefined {
    const message = lockMessage(error, this.#options.path);
    return message === undefined ? undefined : { reason: 'JOURNAL_UNAVAILABLE', message, retryAfterMs };
  }

  /** Without savepoints, for which SQLite copies every page that a call changes. Undefined where a call failed: nothing of the group is kept then. */
  #runTogether(db: DatabaseSync, calls: readonly Call[]): readonly Result[] | undefined {
    try {
      return inTransaction(db, () => calls.map((call) => ({ n: call.n, value: this.#procedure(db, call) })));
    } catch (error) {
      if (error instanceof CallError) return undefined;
      throw error;
    }
  }

  #runApart(db: DatabaseSync, call: Call): Result {
    db.exec('SAVEPOINT call');
    try {
      const value = this.#procedure(db, call);
      db.exec('RELEASE call');
      return { n: call.n, value };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      db.exec('ROLLBACK TO call; RELEASE call');
      return { n: call.n, failure: toFailure(error.cause) };
    }
  }

  /** Throws CallError where the call itself is to blame, and what the disk says as it is. */
  #procedure(db: DatabaseSync, { room, name, args }: Call): unknown {
    const procedure = this.#options.modules.get(room)?.writes[name];
    if (!procedure) throw new CallError(new AgentError('INTERNAL', `no write procedure ${room}.${name}`));
    try {
      return procedure(db, args as never);
    } catch (error) {
      if (diskKind(error) !== undefined || !db.isTransaction) throw error;
      throw new CallError(error);
    }
  }

  /** A failed write or sync must not be tried again on the same connection as if nothing had happened: it is closed. */
  #fail(error: unknown): Trouble {
    const { path } = this.#options;
    this.#close();
    const kind = refineKind(diskKind(error) ?? 'io', path);
    this.#trouble = { kind, message: diskMessage(kind, path, error instanceof Error ? error.message : String(error)) };
    return this.#trouble;
  }

  #connection(): DatabaseSync {
    this.#db ??= openWriter(this.#options);
    return this.#db;
  }

  /** Tries a small write where the disk was bad, on a new connection; a success ends the trouble. */
  probe(): void {
    if (!this.#trouble) return;
    const { path } = this.#options;
    try {
      if (this.#trouble.kind === 'full' && freeBytes(path) < roomyBytes) return;
      const db = this.#connection();
      inTransaction(db, () => {
        db.exec('INSERT OR REPLACE INTO store_probe VALUES (1, zeroblob(16384))');
        db.exec('UPDATE store_probe SET filler = NULL');
      });
      this.#trouble = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  #close(): void {
    const db = this.#db;
    this.#db = undefined;
    try {
      db?.close();
    } catch {
      // The checkpoint of a last close can fail on a bad disk; the log keeps what was committed.
    }
  }

  stop(): void {
    this.#close();
  }
}
