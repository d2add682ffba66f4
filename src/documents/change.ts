import type { Json } from '../events/types.ts';
import type { RevisionRow } from './document-procedures.ts';
import { putBack, writeTexts } from './files.ts';
import { revisionOf } from './history.ts';
import { filesState, type Intent, removeIntent, saveIntent } from './intent.ts';
import type { DocumentMemory } from './memory.ts';
import type { Change, Revision, Texts } from './types.ts';

export interface ChangeOptions {
  /** The texts of the whole document, as the change means them. */
  readonly texts: Texts;
  /** Whether its row is known to stand: not where the agent may have died before it was written. */
  readonly isRecorded: boolean;
}

/** A change whose intent and row are on the disk. Ends once: what comes after `commit` or `rollBack` is a bug, and throws. */
export function createChange(memory: DocumentMemory, intent: Intent, { texts, isRecorded }: ChangeOptions): Change {
  const { history, options } = memory;
  const { backupDir, logger, mode } = options;
  const { row, from, before, replaced } = intent;
  let isOver = false;
  const end = (): void => {
    if (isOver) throw new Error(`revision ${row.revision} has ended already`);
    isOver = true;
  };
  const attempt = (failure: string, run: () => void): void => {
    try {
      run();
    } catch (err) {
      logger.error({ err }, failure);
    }
  };
  /** Where the intent stays, the next start finds a change that is done, and ends it again. */
  const close = (): void => {
    attempt('the intent of a change could not be removed', () => removeIntent(backupDir));
    [memory.open, memory.interrupted] = [undefined, undefined];
  };
  /** What a person wrote since stays, and so do the files beside it. */
  const restore = (): void => {
    if (filesState(intent) === 'edited') return;
    for (const path of intent.texts.keys()) {
      attempt('an old configuration could not be put back into its file', () => putBack(path, before.get(path)));
    }
  };
  const withDetail = (detail: Json | undefined): RevisionRow => (detail === undefined ? row : { ...row, detail: JSON.stringify(detail) });
  const change: Change = {
    revision: pendingRevision(row),
    texts,
    before,
    undoing: intent.undo,
    files: () => filesState(intent),
    write: () => writeTexts(intent.texts, before, mode),
    async commit(detail) {
      end();
      const now = withDetail(detail);
      try {
        if (!isRecorded) await history.add(now, { texts, ...(replaced && { replaced }) });
        else if (now !== row) await history.update(now);
      } catch (error) {
        isOver = false; // it is still open: the caller takes it back
        throw error;
      }
      close();
      memory.head = { ...revisionOf(now), texts };
    },
    async rollBack(keep) {
      end();
      if (filesState(intent) !== 'before') {
        // From here on the next start takes it back too.
        attempt('the intent to take a change back could not be kept', () => saveIntent(backupDir, { ...intent, undo: true }));
      }
      restore();
      const takenOut =
        keep === undefined
          ? history.drop(row.revision, from)
          : history.update({ ...withDetail(keep.detail), result: keep.result }, { from });
      await takenOut.catch((err: unknown) => logger.error({ err }, 'a revision could not be taken back'));
      close();
      if (keep === undefined) memory.last = row.revision - 1;
    },
    async apply(prove) {
      try {
        change.write();
        await prove?.();
        await change.commit();
      } catch (error) {
        await change.rollBack();
        throw error;
      }
    },
  };
  return change;
}

/** Until it ends, whatever its row says. */
export function pendingRevision(row: RevisionRow): Revision {
  return { ...revisionOf(row), result: 'PENDING' };
}
