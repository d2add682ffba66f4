import type { Json } from '../events/types.ts';
import type { Logger } from '../telemetry/types.ts';
import type { RevisionRow } from './document-procedures.ts';
import { putBack, writeTexts } from './files.ts';
import { type History, revisionOf } from './history.ts';
import { filesState, type Intent, removeIntent, saveIntent } from './intent.ts';
import type { FilesState, Head, Revision, Texts } from './types.ts';

export interface ChangeOptions {
  readonly intent: Intent;
  /** The texts of the whole document, as the change means them. */
  readonly texts: Texts;
  /** Whether its row is known to stand: not where the agent may have died before it was written. */
  readonly isRecorded: boolean;
  readonly history: History;
  readonly backupDir: string;
  readonly logger: Logger;
  readonly mode: number | undefined;
  /** Hears once what came of it. */
  readonly ended: (outcome: Outcome) => void;
}

export interface Outcome {
  /** The new head; undefined = it stays. */
  readonly head?: Head;
  /** Whether its number is free again. */
  readonly isDropped?: boolean;
  /** Takes its row out, where the store could not: to be done before another change takes the place of its intent. Throws the store's error. */
  readonly owed?: () => Promise<void>;
}

/**
 * One change on its way, from `begin` to `commit` or `rollBack`: its intent, its texts and its row are on the disk, so that a death of
 * the agent at any step leaves the next start able to end it either way. It ends once: what comes after `commit` or `rollBack` is a bug,
 * and throws.
 */
export class Change {
  readonly revision: Revision;
  readonly texts: Texts;
  /** What the files had; a path is absent where there was no file. */
  readonly before: Texts;
  /** Whether it was being taken back when the agent died: it must not be finished then. */
  readonly undoing: boolean;
  readonly #options: ChangeOptions;
  #isOver = false;

  constructor(options: ChangeOptions) {
    const { row, before, undo } = options.intent;
    this.#options = options;
    this.revision = pendingRevision(row);
    this.texts = options.texts;
    this.before = before;
    this.undoing = undo;
  }

  files(): FilesState {
    return filesState(this.#options.intent);
  }

  /** Replaces the files: all or none. Throws CONFIG_NOT_WRITTEN or DISK_FULL; then they are as before. */
  write(): void {
    writeTexts(this.#options.intent.texts, this.before, this.#options.mode);
  }

  /** The revision is in effect: it becomes the head. `detail` replaces what was given before. */
  async commit(detail?: Json): Promise<void> {
    this.#end();
    const { intent, texts, isRecorded, history } = this.#options;
    const row = withDetail(intent.row, detail);
    try {
      if (!isRecorded) await history.add(row, { texts, replaced: intent.replaced });
      else if (row !== intent.row) await history.update(row);
    } catch (error) {
      this.#isOver = false; // it is still open: the caller takes it back
      throw error;
    }
    this.#close({ head: { ...revisionOf(row), texts } });
  }

  /**
   * Puts the files back, unless a person wrote to them since, and takes the revision out; with `keep` its row stays in the list. Files that
   * cannot be put back are logged, and count as a change by hand. Where the store cannot take it out, which is logged, its intent stays: the
   * document does it before its next change, or the next start does.
   */
  async rollBack(keep?: { readonly result: 'ROLLED_BACK' | 'FAILED'; readonly detail?: Json }): Promise<void> {
    this.#end();
    const { intent } = this.#options;
    // From here on the next start takes it back too.
    if (this.files() !== 'before') this.#saveUndo();
    // What a person wrote since stays, and so do the files beside it.
    for (const path of this.files() === 'edited' ? [] : intent.texts.keys()) {
      this.#attempt('an old configuration could not be put back into its file', () => putBack(path, this.before.get(path)));
    }
    try {
      await this.#takeOut(keep);
    } catch (err) {
      this.#options.logger.error({ err }, 'a revision could not be taken back');
      this.#saveUndo();
      this.#options.ended({ owed: () => this.#takeOut(keep) });
      return;
    }
    this.#close({ isDropped: keep === undefined });
  }

  /** `write`, what proves it, and `commit`. What throws on the way is rolled back, and thrown on. */
  async apply(prove?: () => Promise<void>): Promise<void> {
    try {
      this.write();
      await prove?.();
      await this.commit();
    } catch (error) {
      await this.rollBack();
      throw error;
    }
  }

  #end(): void {
    if (this.#isOver) throw new Error(`revision ${this.revision.revision} has ended already`);
    this.#isOver = true;
  }

  #saveUndo(): void {
    const { intent, backupDir } = this.#options;
    this.#attempt('the intent to take a change back could not be kept', () => saveIntent(backupDir, { ...intent, undo: true }));
  }

  /** Throws the store's error. */
  #takeOut(keep: Parameters<Change['rollBack']>[0]): Promise<void> {
    const { history, intent } = this.#options;
    const { row, from } = intent;
    if (keep === undefined) return history.drop(row.revision, from);
    return history.update({ ...withDetail(row, keep.detail), result: keep.result }, { from });
  }

  /** Where the intent stays, the next start finds a change that is done, and ends it again. */
  #close(outcome: Outcome): void {
    this.#attempt('the intent of a change could not be removed', () => removeIntent(this.#options.backupDir));
    this.#options.ended(outcome);
  }

  #attempt(failure: string, run: () => void): void {
    try {
      run();
    } catch (err) {
      this.#options.logger.error({ err }, failure);
    }
  }
}

function withDetail(row: RevisionRow, detail: Json | undefined): RevisionRow {
  return detail === undefined ? row : { ...row, detail: JSON.stringify(detail) };
}

/** Until it ends, whatever its row says. */
export function pendingRevision(row: RevisionRow): Revision {
  return { ...revisionOf(row), result: 'PENDING' };
}
