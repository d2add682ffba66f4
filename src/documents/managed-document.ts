import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../events/types.ts';
import { AgentError } from '../kernel/errors.ts';
import { createKeyedLock } from '../kernel/keyed-lock.ts';
import { Change, pendingRevision } from './change.ts';
import type { LoadedDocument, RevisionRow } from './document-procedures.ts';
import { closeDirectory, notWritten, presentTexts, readDisk, readText, replaceFile, sameTexts } from './files.ts';
import { factsOf, type History, idOf, lockKey, openHistory, type RevisionPage, revisionOf, rowOf, titleOf } from './history.ts';
import { type Intent, readIntent, removeIntent, saveIntent } from './intent.ts';
import type { DiskState, DocumentName, DocumentOptions, Head, NewRevision, Revision, Texts } from './types.ts';

const fileBytes = 4 * 1024 * 1024;
/** The state of a document that is on its way out. */
const removing = { removing: true };

/**
 * A document whose changes are durable, told and undoable, whatever is in it. It judges nothing and shows nothing: its kind does.
 * Methods throw AgentError (CONFIG_NOT_WRITTEN, DISK_FULL, CONFIG_REVISION_NOT_FOUND, BACKUP_NOT_FOUND, BACKUP_DAMAGED, ETAG_STALE).
 * `begin`, `adopt`, `amend`, `restoreFiles`, `forget` and `remove` are for the holder of `run`.
 */
export class ManagedDocument {
  readonly name: DocumentName;
  readonly #options: DocumentOptions & Required<Pick<DocumentOptions, 'read' | 'lock'>>;
  readonly #history: History;
  /** Of a change that the end of the last agent interrupted, until that is ended. */
  #intent: Intent | undefined;
  #isLoaded = false;
  #head: Head | undefined;
  #state: Json = null;
  /** The highest number that was given out. */
  #last = 0;
  #open: Change | undefined;
  /** Takes out what the store could not when it was rolled back. */
  #owed: (() => Promise<void>) | undefined;
  #interrupted: Change | undefined;

  constructor(options: DocumentOptions) {
    const { read = (path: string) => readText(path, fileBytes), lock = createKeyedLock() } = options;
    this.#options = { ...options, read, lock };
    const { name, store, backupDir, keep } = options;
    this.name = name;
    this.#history = openHistory({ name, store, backupDir, keep });
    this.#intent = readIntent(backupDir);
  }

  /** For `openDocument`. */
  async open(): Promise<void> {
    const { logger } = this.#options;
    await this.#load().catch((err: unknown) => logger.error({ err, ...this.name }, 'the revisions of a document cannot be read'));
    if (this.#intent === undefined) return;
    // What the files had is all of the document, whatever the head is.
    const texts = new Map([...this.#intent.before, ...this.#intent.texts]);
    this.#interrupted = this.#change(this.#intent, { texts, isRecorded: false });
  }

  /** undefined before the first revision. */
  get head(): Head | undefined {
    return this.#head;
  }

  /** The change that a death of the agent interrupted: whoever opens the document ends it first. */
  get interrupted(): Change | undefined {
    return this.#interrupted;
  }

  /** What its kind keeps of the document itself, as JSON; null before the first. */
  get state(): Json {
    return this.#state;
  }

  /** Runs what concerns this document one after the other, in the order of the calls. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.lock.run(lockKey(this.name), work);
  }

  /** Throws ETAG_STALE (ABORTED) unless it is the head's; undefined asks nothing. Before the first revision the etag is `0`. */
  assertEtag(etag: string | undefined): void {
    const now = this.#head?.etag ?? '0';
    if (etag === undefined || etag === now) return;
    const message = `${titleOf(this.name)} is at revision ${this.#head?.revision ?? 0} by now`;
    throw new AgentError('ETAG_STALE', message, { metadata: { ...idOf(this.name), etag: now } });
  }

  /** Reads the files. Never throws. */
  disk(): DiskState {
    const found = readDisk(this.#options.files(), this.#options.read);
    return found.kind === 'changed' && this.#head !== undefined && sameTexts(found.texts, this.#head.texts) ? { kind: 'same' } : found;
  }

  /** Makes a change durable, and touches no file yet. Throws CONFIG_NOT_WRITTEN or DISK_FULL; then nothing was changed. */
  async begin(next: NewRevision): Promise<Change> {
    this.#assertNoneOpen();
    await this.#prepare();
    closeDirectory(this.#options);
    const intent = await this.#record(next, presentTexts(next.texts.keys()));
    return this.#change(intent, { texts: next.texts, isRecorded: true });
  }

  /**
   * Files that have the texts already (a change by hand) become the next revision. They are what they are: where no record can be kept, the
   * revision is known to this run alone, and that is logged. Throws CONFIG_NOT_WRITTEN where its own directory cannot be closed to others.
   */
  async adopt(next: NewRevision): Promise<void> {
    this.#assertNoneOpen();
    closeDirectory(this.#options);
    try {
      await this.#prepare();
      const intent = await this.#record(next, next.texts);
      await this.#change(intent, { texts: next.texts, isRecorded: true }).commit();
    } catch (err) {
      this.#options.logger.error({ err, ...this.name }, 'a revision of a document could not be kept');
      const row = rowOf(next, { revision: this.#last + 1, timeMs: this.#options.clock.wallMs() });
      this.#last = row.revision;
      this.#head = { ...revisionOf(row), texts: next.texts };
    }
  }

  /** Another notation of the same content: the head has these texts from now on, and stays the revision that it is. */
  async amend(texts: Texts): Promise<void> {
    const head = this.#head;
    if (head === undefined) return;
    closeDirectory(this.#options);
    const { revision, result, detail } = head;
    const { bytes, sha256 } = factsOf(texts);
    await this.#history.update({ revision, result, detail: JSON.stringify(detail), bytes, sha256 }, { texts });
    this.#head = { ...head, texts, bytes };
  }

  /** Writes the head's texts again, where files are gone or refused. */
  restoreFiles(): void {
    closeDirectory(this.#options);
    for (const [path, text] of this.#head?.texts ?? []) replaceFile(path, text, this.#options.mode);
  }

  /** Newest first, all results. */
  async revisions(page: RevisionPage): Promise<readonly Revision[]> {
    const open = this.#open?.revision.revision;
    return (await this.#history.list(page)).map((row) => (row.revision === open ? pendingRevision(row) : revisionOf(row)));
  }

  /** The texts of any revision that is kept. */
  texts(revision: number): Promise<Texts> {
    return this.#history.texts(revision);
  }

  /** Takes revisions out of the history; the head stays. */
  forget(revisions: readonly number[]): Promise<void> {
    return this.#history.forget(revisions.filter((revision) => revision !== this.#head?.revision));
  }

  async saveState(state: Json): Promise<void> {
    await this.#history.saveState(state);
    this.#state = state;
  }

  /** Files, backups, history. What a kill interrupts is ended when the document is opened again. */
  async remove(): Promise<void> {
    await this.#history.saveState(removing);
    await this.#removeAll();
  }

  async #removeAll(): Promise<void> {
    const { files, directory, backupDir, removeMore } = this.#options;
    for (const path of [...(directory === undefined ? files() : [directory]), backupDir]) rmSync(path, { recursive: true, force: true });
    await removeMore?.();
    await this.#history.remove();
    [this.#head, this.#state, this.#last] = [undefined, null, 0];
    [this.#open, this.#interrupted, this.#intent, this.#owed] = [undefined, undefined, undefined, undefined];
  }

  #assertNoneOpen(): void {
    if (this.#open) throw new Error(`${titleOf(this.name)} has an open change already`);
  }

  /** What the store could not tell or do before, it must now. Throws CONFIG_NOT_WRITTEN, DISK_FULL. */
  async #prepare(): Promise<void> {
    try {
      // First: as long as its row stands, it counts as the newest that is in effect.
      await this.#owed?.();
      this.#owed = undefined;
      await this.#load();
    } catch (cause) {
      throw notWritten(this.#options.backupDir, cause);
    }
  }

  /** A store that is ill keeps nobody from starting; it is asked again before anything is written. */
  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    const loaded = await this.#history.load();
    const state = loaded.state === undefined ? this.#state : (JSON.parse(loaded.state) as Json);
    if (isDeepStrictEqual(state, removing)) await this.#removeAll();
    else await this.#take(loaded, state);
    this.#isLoaded = true;
  }

  async #take({ last, applied }: LoadedDocument, state: Json): Promise<void> {
    const revision = this.#intent?.row.revision;
    if (revision === undefined) await this.#history.removeStrays();
    this.#state = state;
    this.#last = Math.max(this.#last, last, revision ?? 0);
    // The newest that is in effect: not the one that was on its way.
    const row = applied.find((one) => one.revision !== revision);
    this.#head = row && { ...revisionOf(row), texts: this.#headTexts(row) };
  }

  /** They are on the disk, or were changed there by hand. */
  #headTexts(row: RevisionRow): Texts {
    const { files, read, logger } = this.#options;
    const disk = readDisk(files(), read);
    if (disk.kind === 'changed' && factsOf(disk.texts).sha256 === row.sha256) return disk.texts;
    try {
      return this.#history.textsOf(row);
    } catch (err) {
      logger.error({ err, revision: row.revision }, 'the texts of a revision cannot be read; the files count as changed by hand');
      return new Map();
    }
  }

  /** Writes down a revision with what it replaces. Throws CONFIG_NOT_WRITTEN, DISK_FULL; then nothing is left of it. */
  async #record(next: NewRevision, before: Texts): Promise<Intent> {
    const { backupDir, clock, files, store } = this.#options;
    const head = this.#head;
    const row = rowOf(next, { revision: this.#last + 1, timeMs: clock.wallMs() });
    const { texts, order = [...texts.keys()], keepBackup = true } = next;
    const changed = [...texts].filter(([path, text]) => before.get(path) !== text);
    const intent: Intent = {
      row,
      from: head?.revision ?? 0,
      replaced: head && keepBackup ? { revision: head.revision, timeMs: clock.wallMs(), ageMs: store.ageing.nowMs() } : undefined,
      texts: new Map(changed.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))),
      before,
      undo: false,
    };
    try {
      saveIntent(backupDir, intent);
      await this.#history.add(row, { texts, replaced: intent.replaced });
    } catch (cause) {
      removeIntent(backupDir);
      throw notWritten(files()[0] ?? backupDir, cause);
    }
    this.#last = row.revision;
    return intent;
  }

  #change(intent: Intent, about: { readonly texts: Texts; readonly isRecorded: boolean }): Change {
    const { backupDir, logger, mode } = this.#options;
    this.#open = new Change({
      ...{ intent, ...about, history: this.#history, backupDir, logger, mode },
      ended: ({ head, isDropped, owed }) => {
        [this.#open, this.#interrupted, this.#intent] = [undefined, undefined, undefined];
        this.#owed = owed;
        this.#head = head ?? this.#head;
        if (isDropped) this.#last = intent.row.revision - 1;
      },
    });
    return this.#open;
  }
}
