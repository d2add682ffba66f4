import { textWithout } from '../../documents/index.ts';
import { invalid } from '../../kernel/errors.ts';
import { textAt } from './change-document.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, emitConfigEvent } from './room.ts';
import { type DocumentState, type Entry, parse, placesOf, revisionOf, saveState, stateOf, textOf } from './state.ts';

/** What a plugin says to a revision. */
export interface Acknowledgement {
  readonly revision: number;
  readonly applied: boolean;
  readonly message: string;
}

/** Throws INVALID_REQUEST for a revision that was not handed out, by the newest one. */
export function checkRevision(revision: number, newest: number): void {
  if (Number.isInteger(revision) && revision >= 1 && revision <= newest) return;
  throw invalid([{ field: 'revision', message: `must be one that was handed out, 1 to ${newest}` }]);
}

/** Takes it down, and tells the first verdict of each kind on a revision. Answers whether anything changed. For the holder of the lock. */
export async function acknowledgeRevision(room: DocumentRoom, entry: Entry, ack: Acknowledgement): Promise<boolean> {
  const before = stateOf(entry);
  checkRevision(ack.revision, revisionOf(entry));
  const message = shortened(entry, ack.message, await textsOf(entry, ack.revision));
  const after = acknowledged(before, { ...ack, message }, revisionOf(entry));
  if (JSON.stringify(after) === JSON.stringify(before)) return false;
  await saveState(entry, after);
  const { traceId = '', revision, author = '' } = entry.document.head ?? {};
  const about = { entry, traceId };
  if (after.toldApplied !== before.toldApplied) {
    emitConfigEvent(room, 'config.applied', { ...about, data: { revision: revision ?? 0, author } });
  }
  if (after.toldRejected !== before.toldRejected) {
    emitConfigEvent(room, 'config.rejected', { ...about, data: { reason: 'NOT_APPLIED', revision: revision ?? 0, author, message } });
  }
  return true;
}

/** The documents whose secrets a plugin may name: the newest, the one that it is asked about, the one that it runs. */
async function textsOf(entry: Entry, revision: number): Promise<readonly (string | undefined)[]> {
  const earlier = new Set([revision, stateOf(entry).appliedRevision]);
  earlier.delete(revisionOf(entry));
  earlier.delete(0);
  return [textOf(entry), ...(await Promise.all([...earlier].map((of) => textAt(entry, of))))];
}

/** Cut twice: what is masked must not cost more than what may be said. */
function shortened(entry: Entry, message: string, texts: readonly (string | undefined)[]): string {
  const short = message.slice(0, 2 * limits.messageChars);
  const places = placesOf(entry);
  const masked = texts.reduce<string>((all, text) => textWithout(all, parse(text), places), short);
  return masked.slice(0, limits.messageChars).toWellFormed();
}

function acknowledged(before: DocumentState, { revision, applied, message }: Acknowledgement, newest: number): DocumentState {
  const appliedRevision = applied ? Math.max(before.appliedRevision, revision) : before.appliedRevision;
  if (revision < newest) return { ...before, appliedRevision };
  return {
    ...before,
    appliedRevision,
    answer: { revision, state: applied ? 'APPLIED' : 'FAILED', message },
    ...(applied ? { toldApplied: revision } : { toldRejected: revision }),
  };
}
