import type { Json } from '../events/types.ts';

/** Texts of a document's files by absolute path, in the order in which they are read. Most documents have one file. */
export type Texts = ReadonlyMap<string, string>;

/** Which document: `agent`, or the id of a plugin or a process below its kind. */
export interface DocumentName {
  readonly kind: 'agent' | 'plugins' | 'processes';
  /** Empty for the one document of its kind. The caller has checked that it may be the name of a directory. */
  readonly id: string;
}

/** Who changes a document. */
export interface Author {
  /** `file` for a change by hand. */
  readonly name: string;
  readonly reason: string;
  /** The trace of the call: the events of the change stand under it. Empty = none. */
  readonly traceId: string;
}

/**
 * What became of a revision. PENDING is one that is being written; APPLIED one that is or was in effect; ROLLED_BACK and FAILED are kept
 * in the list for whoever asks later, and their files were put back.
 */
export type RevisionResult = 'PENDING' | 'APPLIED' | 'ROLLED_BACK' | 'FAILED';

/** One row of a document's history. */
export interface Revision {
  /** From 1, strictly rising, never given twice. */
  readonly revision: number;
  /** Random, so that it tells nothing of the content. */
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly traceId: string;
  readonly timeMs: number;
  readonly result: RevisionResult;
  /** What its kind keeps with it, as JSON: changed keys, a masked diff, the id of an apply, a request_id. Never a secret. */
  readonly detail: Json;
  /** Of the texts, in UTF-8. */
  readonly bytes: number;
  /** When another one took its place and it became a backup; undefined for the one in effect and for what was not kept as one. */
  readonly replacedTimeMs: number | undefined;
  /** The same by the store's ageing time, which no change of the clock moves: retention goes by it. */
  readonly replacedAgeMs: number | undefined;
}

/** The revision in effect, with its texts byte for byte. */
export interface Head extends Revision {
  readonly texts: Texts;
}

/** A revision that is about to be. */
export interface NewRevision {
  /** All files of the document as they are to be. */
  readonly texts: Texts;
  readonly author: Author;
  readonly detail?: Json;
  /** Paths in the order in which the files are replaced. Default: that of `texts`. */
  readonly order?: readonly string[];
  /** Whether the revision that it replaces becomes a backup. Default: true. */
  readonly keepBackup?: boolean;
}

/** What lies in the files of a change: what was before, what was meant, something of both, or what a person wrote since. */
export type FilesState = 'before' | 'after' | 'between' | 'edited';

/**
 * One change on its way, from `begin` to `commit` or `rollBack`: its intent, its texts and its row are on the disk, so that a death of
 * the agent at any step leaves the next start able to end it either way.
 */
export interface Change {
  readonly revision: Revision;
  readonly texts: Texts;
  /** What the files had; a path is absent where there was no file. */
  readonly before: Texts;
  /** Whether it was being taken back when the agent died: it must not be finished then. */
  readonly undoing: boolean;
  files(): FilesState;
  /** Replaces the files: all or none. Throws CONFIG_NOT_WRITTEN or DISK_FULL; then they are as before. */
  write(): void;
  /** The revision is in effect: it becomes the head. `detail` replaces what was given before. */
  commit(detail?: Json): Promise<void>;
  /**
   * Puts the files back, unless a person wrote to them since, and takes the revision out; with `keep` its row stays in the list. Files that
   * cannot be put back are logged, and count as a change by hand.
   */
  rollBack(keep?: { readonly result: 'ROLLED_BACK' | 'FAILED'; readonly detail?: Json }): Promise<void>;
  /** `write`, what proves it, and `commit`. What throws on the way is rolled back, and thrown on. */
  apply(prove?: () => Promise<void>): Promise<void>;
}

/** How the files on the disk stand to the head: the same, another text (drift), or none that can be read. */
export type DiskState =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly texts: Texts; readonly print: string }
  | { readonly kind: 'missing'; readonly path: string; readonly print: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string; readonly print: string };

/**
 * A document whose changes are durable, told and undoable, whatever is in it. It judges nothing and shows nothing: its kind does.
 * Methods throw AgentError (CONFIG_NOT_WRITTEN, DISK_FULL, CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND, BACKUP_DAMAGED, ETAG_STALE).
 * `begin`, `adopt`, `amend`, `restoreFiles`, `forget` and `remove` are for the holder of `run`.
 */
export interface ManagedDocument {
  readonly name: DocumentName;
  /** undefined before the first revision. */
  readonly head: Head | undefined;
  /** The change that a death of the agent interrupted: whoever opens the document ends it first. */
  readonly interrupted: Change | undefined;
  /** Runs what concerns this document one after the other, in the order of the calls. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Throws ETAG_STALE (ABORTED) unless it is the head's; undefined asks nothing. Before the first revision the etag is `0`. */
  assertEtag(etag: string | undefined): void;
  /** Reads the files. Never throws. */
  disk(): DiskState;
  /** Makes a change durable, and touches no file yet. Throws CONFIG_NOT_WRITTEN or DISK_FULL; then nothing was changed. */
  begin(next: NewRevision): Promise<Change>;
  /**
   * Files that have the texts already (a change by hand) become the next revision. They are what they are: where no record can be kept, the
   * revision is known to this run alone, and that is logged. Throws CONFIG_NOT_WRITTEN where its own directory cannot be closed to others.
   */
  adopt(next: NewRevision): Promise<void>;
  /** Another notation of the same content: the head has these texts from now on, and stays the revision that it is. */
  amend(texts: Texts): Promise<void>;
  /** Writes the head's texts again, where files are gone or refused. */
  restoreFiles(): void;
  /** Newest first, all results; `before` is exclusive. */
  revisions(page: { readonly before?: number | undefined; readonly limit: number }): Promise<readonly Revision[]>;
  /** The texts of any revision that is kept. */
  texts(revision: number): Promise<Texts>;
  /** Takes revisions out of the history; the head stays. */
  forget(revisions: readonly number[]): Promise<void>;
  /** What its kind keeps of the document itself, as JSON; null before the first. */
  readonly state: Json;
  saveState(state: Json): Promise<void>;
  /** Files, backups, history. What a kill interrupts is ended when the document is opened again (`removing`). */
  remove(): Promise<void>;
}
