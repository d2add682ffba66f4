import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Json } from '../events/types.ts';
import { makeDirectory, removeTemporaries } from '../kernel/atomic-file.ts';
import type { Clock } from '../kernel/clock.ts';
import { createKeyedLock, type KeyedLock } from '../kernel/keyed-lock.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { RevisionRow } from './document-procedures.ts';
import { notWritten, readDisk, readRegularFile, realPath } from './files.ts';
import { type History, openHistory, revisionOf } from './history.ts';
import { type Intent, readIntent, removeIntent, saveIntent } from './intent.ts';
import { overwrittenDir } from './overwritten.ts';
import { factsOf } from './texts.ts';
import type { Change, DocumentName, Head, NewRevision, Texts } from './types.ts';

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

const fileBytes = 4 * 1024 * 1024;

/** What is known of a document while the agent runs. */
export interface DocumentMemory {
  readonly options: DocumentOptions & Required<Pick<DocumentOptions, 'read' | 'lock'>>;
  readonly history: History;
  /** What a death of the agent left on its way. */
  readonly intent: Intent | undefined;
  isLoaded: boolean;
  head: Head | undefined;
  /** What its kind keeps of it. */
  state: Json;
  /** The highest number that was given out. */
  last: number;
  open: Change | undefined;
  interrupted: Change | undefined;
}

/** Sweeps up after a killed agent and reads what is known. */
export async function openMemory(options: DocumentOptions): Promise<DocumentMemory> {
  const { name, files, backupDir, store, logger, keep } = options;
  const { read = (path: string) => readRegularFile(path, fileBytes), lock = createKeyedLock() } = options;
  for (const dir of [backupDir, overwrittenDir(backupDir)]) removeTemporaries(dir);
  for (const path of files().map(realPath)) removeTemporaries(dirname(path), basename(path));
  const memory: DocumentMemory = {
    options: { ...options, read, lock },
    history: openHistory({ name, store, backupDir, keep }),
    intent: readIntent(backupDir),
    ...{ isLoaded: false, head: undefined, state: null, last: 0, open: undefined, interrupted: undefined },
  };
  await load(memory).catch((err: unknown) => logger.error({ err, ...name }, 'the revisions of a document cannot be read'));
  return memory;
}

/** A store that is ill keeps nobody from starting; it is asked again before anything is written. */
async function load(memory: DocumentMemory): Promise<void> {
  if (memory.isLoaded) return;
  const { history, intent } = memory;
  const loaded = await history.load();
  if (intent === undefined) await history.removeStrays();
  if (loaded.state !== undefined) memory.state = JSON.parse(loaded.state) as Json;
  memory.last = Math.max(memory.last, loaded.last, intent?.row.revision ?? 0);
  // The newest that is in effect: not the one that was on its way.
  const row = loaded.applied.find(({ revision }) => revision !== intent?.row.revision);
  memory.head = row && { ...revisionOf(row), texts: headTexts(memory, row) };
  memory.isLoaded = true;
}

/** They are on the disk, or were changed there by hand. */
function headTexts({ history, options }: DocumentMemory, row: RevisionRow): Texts {
  const disk = readDisk(options.files(), options.read);
  if (disk.kind === 'changed' && factsOf(disk.texts).sha256 === row.sha256) return disk.texts;
  try {
    return history.textsOf(row);
  } catch (err) {
    options.logger.error({ err, revision: row.revision }, 'the texts of a revision cannot be read; the files count as changed by hand');
    return new Map();
  }
}

/** Its own directory and the files in it are for their owner alone. Throws CONFIG_NOT_WRITTEN, DISK_FULL. */
export function closeDirectory({ options: { directory, files, mode } }: DocumentMemory): void {
  if (directory === undefined) return;
  try {
    makeDirectory(directory);
    chmodSync(directory, 0o700);
    for (const path of files()) if (mode !== undefined && existsSync(path)) chmodSync(path, mode);
  } catch (cause) {
    throw notWritten(directory, cause);
  }
}

export function nextRow(memory: DocumentMemory, { texts, author, detail = null }: NewRevision): RevisionRow {
  return {
    revision: memory.last + 1,
    etag: randomBytes(8).toString('hex'),
    author: author.name,
    reason: author.reason,
    traceId: author.traceId,
    timeMs: memory.options.clock.wallMs(),
    result: 'APPLIED',
    detail: JSON.stringify(detail),
    ...factsOf(texts),
    replacedTimeMs: null,
    replacedAgeMs: null,
  };
}

/** Writes down a revision with what it replaces. Throws CONFIG_NOT_WRITTEN, DISK_FULL; then nothing is left of it. */
export async function record(memory: DocumentMemory, next: NewRevision, before: Texts): Promise<Intent> {
  const { history, options } = memory;
  const { backupDir, clock, files, store } = options;
  await load(memory).catch((cause: unknown) => Promise.reject(notWritten(backupDir, cause)));
  const { head } = memory;
  const row = nextRow(memory, next);
  const { texts, order = [...texts.keys()], keepBackup = true } = next;
  const changed = [...texts].filter(([path, text]) => before.get(path) !== text);
  const intent: Intent = {
    row,
    from: head?.revision ?? 0,
    ...(head && keepBackup && { replaced: { revision: head.revision, timeMs: clock.wallMs(), ageMs: store.ageing.nowMs() } }),
    texts: new Map(changed.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))),
    before,
    undo: false,
  };
  try {
    saveIntent(backupDir, intent);
    await history.add(row, { texts, ...(intent.replaced && { replaced: intent.replaced }) });
  } catch (cause) {
    removeIntent(backupDir);
    throw notWritten(files()[0] ?? backupDir, cause);
  }
  memory.last = row.revision;
  return intent;
}
