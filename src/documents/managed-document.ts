import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../events/types.ts';
import { removeTemporaries } from '../kernel/atomic-file.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { createKeyedLock, type KeyedLock } from '../kernel/keyed-lock.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { createChange, pendingRevision } from './change.ts';
import type { LoadedDocument, Replaced, RevisionRow } from './document-procedures.ts';
import { notWritten, readDisk, readRegularFile, realPath, replaceFile, textOf } from './files.ts';
import { type History, openHistory, revisionOf } from './history.ts';
import { type Intent, readIntent, removeIntent, saveIntent } from './intent.ts';
import { bytesOf, changedTexts, hashOf, sameTexts } from './texts.ts';
import type { Change, DiskState, DocumentName, Head, ManagedDocument, NewRevision, Texts } from './types.ts';

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
  /** A directory that is the document's alone: it is removed with it. */
  readonly directory?: string;
  /** What else goes with it, before its history does: what was begun is ended at the next start, so it may come twice. */
  readonly removeMore?: () => Promise<void>;
  /** Shared by documents of one kind. Default: its own. */
  readonly lock?: KeyedLock;
}

const fileBytes = 4 * 1024 * 1024;

/** Reads what is known of a document and sweeps up after a killed agent. Throws AgentError of the store. */
export async function openDocument(options: DocumentOptions): Promise<ManagedDocument> {
  const { name, files, backupDir, store, clock, logger, read = (path: string) => readRegularFile(path, fileBytes) } = options;
  const history = openHistory({ name, store, backupDir, keep: options.keep });
  const lock = options.lock ?? createKeyedLock();
  removeTemporaries(backupDir);
  for (const path of files().map(realPath)) removeTemporaries(dirname(path), basename(path));
  const intent = readIntent(backupDir);
  let state: Json = null;
  let last = 0;
  let head: Head | undefined;
  let isLoaded = false;
  /** A store that is ill keeps nobody from starting; it is asked again before anything is written. */
  const load = async (): Promise<void> => {
    if (isLoaded) return;
    const loaded = await history.load();
    if (intent === undefined) await history.removeStrays();
    if (loaded.state !== undefined) state = JSON.parse(loaded.state) as Json;
    last = Math.max(loaded.last, intent?.row.revision ?? 0);
    head = headOf(loaded, intent, { history, disk: readDisk(files(), read), logger });
    isLoaded = true;
  };
  await load().catch((err: unknown) => logger.error({ err, ...name }, 'the revisions of a document cannot be read'));
  let open: Change | undefined;
  let interrupted: Change | undefined;

  const changeOf = (made: Intent, texts: Texts, isRecorded = true): Change =>
    createChange(made, {
      backupDir,
      history,
      logger,
      texts,
      mode: options.mode,
      isRecorded,
      ended({ applied, isKept }) {
        [open, interrupted] = [undefined, undefined];
        if (!isKept) last = made.row.revision - 1;
        if (applied) head = { ...revisionOf(applied), texts };
      },
    });
  /** The row is written down with what it replaces; undone where that fails. */
  const record = async (next: NewRevision, before: Texts): Promise<Intent> => {
    await load().catch((cause: unknown) => Promise.reject(notWritten(backupDir, cause)));
    const row = rowOf(next, { revision: last + 1, timeMs: clock.wallMs() });
    const replaced = replacedBy(next, { head, timeMs: clock.wallMs(), ageMs: store.ageing.nowMs() });
    const made: Intent = { row, from: head?.revision ?? 0, ...replaced, texts: inOrder(next, before), before, undo: false };
    try {
      saveIntent(backupDir, made);
      await history.add(row, { texts: next.texts, ...replaced });
    } catch (cause) {
      removeIntent(backupDir);
      throw notWritten(files()[0] ?? backupDir, cause);
    }
    last = row.revision;
    return made;
  };
  const document: ManagedDocument = {
    name,
    get head() {
      return head;
    },
    get interrupted() {
      return interrupted;
    },
    get state() {
      return state;
    },
    run: (work) => lock.run(`${name.kind}/${name.id}`, work),
    assertEtag(etag) {
      const now = head?.etag ?? '0';
      if (etag === undefined || etag === now) return;
      throw new AgentError('ETAG_STALE', `${describe(name)} is at revision ${head?.revision ?? 0} by now`, {
        metadata: { ...(name.id !== '' && { id: name.id }), etag: now },
      });
    },
    disk() {
      const found = readDisk(files(), read);
      return found.kind === 'changed' && head !== undefined && sameTexts(found.texts, head.texts) ? { kind: 'same' } : found;
    },
    async begin(next) {
      if (open) throw new Error(`${describe(name)} has an open change already`);
      open = changeOf(await record(next, presentTexts(next.texts)), next.texts);
      return open;
    },
    async adopt(next) {
      try {
        await changeOf(await record(next, next.texts), next.texts).commit();
      } catch (err) {
        logger.error({ err, ...name }, 'a revision of a document could not be kept');
        const row = rowOf(next, { revision: last + 1, timeMs: clock.wallMs() });
        head = { ...revisionOf(row), texts: next.texts };
      }
    },
    async amend(texts) {
      if (head === undefined) return;
      head = { ...head, texts, bytes: (await history.amend(head.revision, texts)).bytes };
    },
    restoreFiles() {
      for (const [path, text] of head?.texts ?? []) replaceFile(path, text, options.mode);
    },
    async revisions(page) {
      const rows = await history.list(page);
      return rows.map((row) => (row.revision === open?.revision.revision ? pendingRevision(row) : revisionOf(row)));
    },
    texts: (revision) => history.texts(revision),
    forget: (revisions) => history.forget(revisions.filter((revision) => revision !== head?.revision)),
    async saveState(next) {
      await history.saveState(next);
      state = next;
    },
    async remove() {
      await history.saveState(removing);
      await removeAll();
      [head, state, last, open] = [undefined, null, 0, undefined];
    },
  };
  async function removeAll(): Promise<void> {
    for (const path of options.directory === undefined ? files() : [options.directory]) rmSync(path, { recursive: true, force: true });
    rmSync(backupDir, { recursive: true, force: true });
    await options.removeMore?.();
    await history.remove();
  }
  if (isDeepStrictEqual(state, removing)) {
    await removeAll();
    [head, state, last] = [undefined, null, 0];
  } else if (intent) {
    interrupted = changeOf(intent, new Map([...(head?.texts ?? []), ...intent.texts]), false);
    open = interrupted;
  }
  return document;
}

/** The state of a document that is on its way out. */
const removing = { removing: true };

function describe({ kind, id }: DocumentName): string {
  return kind === 'agent' ? 'the configuration' : `the configuration of ${kind === 'plugins' ? 'plugin' : 'process'} ${id}`;
}

/** The newest revision that is in effect: not the one that was on its way. Its texts are on the disk, or were changed there by hand. */
function headOf(
  { applied }: LoadedDocument,
  intent: Intent | undefined,
  { history, disk, logger }: { readonly history: History; readonly disk: DiskState; readonly logger: Logger },
): Head | undefined {
  const row = applied.find(({ revision }) => revision !== intent?.row.revision);
  if (row === undefined) return undefined;
  if (disk.kind === 'changed' && hashOf(disk.texts) === row.sha256) return { ...revisionOf(row), texts: disk.texts };
  try {
    return { ...revisionOf(row), texts: history.textsOf(row) };
  } catch (err) {
    logger.error({ err, revision: row.revision }, 'the texts of a revision cannot be read; the files count as changed by hand');
    return { ...revisionOf(row), texts: new Map() };
  }
}

function rowOf({ texts, author, detail = null }: NewRevision, at: { readonly revision: number; readonly timeMs: number }): RevisionRow {
  return {
    ...at,
    etag: randomBytes(8).toString('hex'),
    author: author.name,
    reason: author.reason,
    traceId: author.traceId,
    result: 'APPLIED',
    detail: JSON.stringify(detail),
    bytes: bytesOf(texts),
    sha256: hashOf(texts),
    replacedTimeMs: null,
    replacedAgeMs: null,
  };
}

function replacedBy(
  { keepBackup = true }: NewRevision,
  { head, ...at }: { readonly head: Head | undefined; readonly timeMs: number; readonly ageMs: number },
): { readonly replaced?: Replaced } {
  return head === undefined || !keepBackup ? {} : { replaced: { revision: head.revision, ...at } };
}

/** What the files have now, whoever wrote it: it is what goes back where the change does not hold. */
function presentTexts(texts: Texts): Texts {
  return new Map(
    [...texts.keys()].flatMap((path) => {
      const text = textOf(path);
      return text === undefined ? [] : [[path, text] as const];
    }),
  );
}

function inOrder({ texts, order = [...texts.keys()] }: NewRevision, before: Texts): Texts {
  const changed = changedTexts(before, texts);
  return new Map([...changed].toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b)));
}
