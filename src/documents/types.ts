import type { Json } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyedLock } from '../kernel/keyed-lock.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';

/** Texts of a document's files by absolute path, in the order in which they are read. Most documents have one file. */
export type Texts = ReadonlyMap<string, string>;

/** Which document: `agent`, or the id of a plugin or a process below its kind. */
export interface DocumentName {
  readonly kind: 'agent' | 'plugins' | 'processes';
  /** Empty for the one document of its kind. The caller has checked that it may be the name of a directory. */
  readonly id: string;
}

export interface DocumentOptions {
  readonly name: DocumentName;
  /** Absolute paths of its files, in the order in which they are read; asked each time. */
  readonly files: () => readonly string[];
  /** Its own directory below `<state_dir>/backups`. */
  readonly backupDir: string;
  readonly store: Pick<OpenStore, 'read' | 'write' | 'ageing'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads one file, or throws an Error that says why it is not taken. Default: a regular UTF-8 file of at most 4 MiB. */
  readonly read?: (path: string) => string;
  /** Revisions that are kept. Default: all, until they are forgotten. */
  readonly keep?: number;
  /** Mode of its files. Default: what the old file had, 0600 for a new one. */
  readonly mode?: number;
  /** A directory that is the document's alone: nobody else looks into it, whoever made it, and it is removed with the document. */
  readonly directory?: string;
  /** What else goes with it, before its history does: what was begun is ended at the next start, so it may come twice. */
  readonly removeMore?: () => Promise<void>;
  /** Shared by documents of one kind. Default: its own. */
  readonly lock?: KeyedLock;
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

/** How the files on the disk stand to the head: the same, another text (drift), or none that can be read. */
export type DiskState =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly texts: Texts; readonly print: string }
  | { readonly kind: 'missing'; readonly path: string; readonly print: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string; readonly print: string };
