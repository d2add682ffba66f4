import type { Json } from '../events/types.ts';
import type { Logger } from '../telemetry/types.ts';
import type { RevisionRow } from './document-procedures.ts';
import { putBack, writeTexts } from './files.ts';
import { type History, revisionOf } from './history.ts';
import { filesState, type Intent, removeIntent, saveIntent } from './intent.ts';
import type { Change, Revision } from './types.ts';

export interface ChangeDeps {
  readonly backupDir: string;
  readonly history: History;
  readonly logger: Logger;
  /** The texts of the whole document, as the change means them. */
  readonly texts: Change['texts'];
  /** Of the files; undefined = as it was. */
  readonly mode: number | undefined;
  /** Whether its row is known to stand: not where the agent may have died before it was written. */
  readonly isRecorded: boolean;
  /** Called once when the change is over, before its promise resolves; with the row, if it is the one in effect now, or is kept. */
  readonly ended: (end: { readonly applied?: RevisionRow; readonly isKept: boolean }) => void;
}

/** A change whose intent and row are on the disk. Ends once: what comes after `commit` or `rollBack` is a bug, and throws. */
export function createChange(intent: Intent, { backupDir, history, logger, texts, mode, isRecorded, ended }: ChangeDeps): Change {
  const { row, from, before, replaced } = intent;
  let over = false;
  const end = (): void => {
    if (over) throw new Error(`revision ${row.revision} has ended already`);
    over = true;
  };
  return {
    revision: pendingRevision(row),
    texts,
    before,
    undoing: intent.undo,
    files: () => filesState(intent),
    write: () => writeTexts(intent.texts, before, mode),
    async commit(detail) {
      end();
      const now = detail === undefined ? row : { ...row, detail: JSON.stringify(detail) };
      try {
        if (!isRecorded) await history.add(now, { texts, ...(replaced && { replaced }) });
        else if (now !== row) await history.settle(now);
      } catch (error) {
        over = false; // it is still open: the caller takes it back
        throw error;
      }
      // Where it stays, the next start finds a change that is done, and ends it again.
      attempt(logger, 'the intent of a change could not be removed', () => removeIntent(backupDir));
      ended({ applied: now, isKept: true });
    },
    async rollBack(keep) {
      end();
      if (filesState(intent) !== 'before') {
        // From here on the next start takes it back too.
        attempt(logger, 'the intent to take a change back could not be kept', () => saveIntent(backupDir, { ...intent, undo: true }));
      }
      restore(intent, logger);
      await takeOut(history, { row, from, keep }).catch((err: unknown) => logger.error({ err }, 'a revision could not be taken back'));
      attempt(logger, 'the intent of a change could not be removed', () => removeIntent(backupDir));
      ended({ isKept: keep !== undefined });
    },
  };
}

/** Until it ends, whatever its row says. */
export function pendingRevision(row: RevisionRow): Revision {
  return { ...revisionOf(row), result: 'PENDING' };
}

function attempt(logger: Logger, failure: string, run: () => void): void {
  try {
    run();
  } catch (err) {
    logger.error({ err }, failure);
  }
}

/** What a person wrote since stays, and so do the files beside it. */
function restore(intent: Intent, logger: Logger): void {
  if (filesState(intent) === 'edited') return;
  for (const path of intent.texts.keys()) {
    attempt(logger, 'an old configuration could not be put back into its file', () => putBack(path, intent.before.get(path)));
  }
}

function takeOut(
  history: History,
  { row, from, keep }: { readonly row: RevisionRow; readonly from: number; readonly keep: Parameters<Change['rollBack']>[0] },
): Promise<void> {
  if (keep === undefined) return history.drop(row.revision, from);
  const detail: Json | undefined = keep.detail;
  return history.settle({ ...row, result: keep.result, ...(detail !== undefined && { detail: JSON.stringify(detail) }) }, from);
}
