import { invalid } from '../../kernel/errors.ts';
import { commitState } from './commit.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, tell } from './room.ts';
import { type DocumentState, type Entry, parse, secretsOf } from './state.ts';

/** What a plugin says to a revision. */
export interface Acknowledgement {
  readonly revision: number;
  readonly applied: boolean;
  readonly message: string;
}

/** Takes it down, and tells the first verdict of each kind on a revision. Answers whether anything changed. For the holder of the lock. */
export async function acknowledgeRevision(room: DocumentRoom, entry: Entry, ack: Acknowledgement): Promise<boolean> {
  const before = entry.state;
  if (!Number.isInteger(ack.revision) || ack.revision < 1 || ack.revision > before.revision) {
    throw invalid([{ field: 'revision', message: `must be one that was handed out, 1 to ${before.revision}` }]);
  }
  const after = acknowledged(before, { ...ack, message: told(entry, ack.message, await textsOf(room, entry, ack.revision)) });
  if (JSON.stringify(after) === JSON.stringify(before)) return false;
  await commitState(room, entry, after);
  const { traceId, revision, author, applyMessage: message } = after;
  if (after.toldApplied !== before.toldApplied) tell(room, 'config.applied', { entry, traceId, data: { revision, author } });
  if (after.toldRejected !== before.toldRejected) {
    tell(room, 'config.rejected', { entry, traceId, data: { reason: 'NOT_APPLIED', revision, author, message } });
  }
  return true;
}

/** The documents whose secrets a plugin may name: the newest, the one that it is asked about, the one that it runs. */
async function textsOf(room: DocumentRoom, { id, state, text }: Entry, revision: number): Promise<readonly (string | undefined)[]> {
  const earlier = new Set([revision, state.appliedRevision]);
  earlier.delete(state.revision);
  const read = (of: number): Promise<string | undefined> => room.store.read('plugin_documents', 'content', { id, revision: of });
  return [text, ...(await Promise.all([...earlier].map(read)))];
}

/** Cut twice: what is masked must not cost more than what may be said. */
function told(entry: Entry, message: string, texts: readonly (string | undefined)[]): string {
  const short = message.slice(0, 2 * limits.messageChars);
  const secrets = secretsOf(entry);
  const masked = texts.reduce<string>((all, text) => secrets.textWithout(all, parse(text)), short);
  return masked.slice(0, limits.messageChars).toWellFormed();
}

function acknowledged(before: DocumentState, { revision, applied, message }: Acknowledgement): DocumentState {
  const appliedRevision = applied ? Math.max(before.appliedRevision, revision) : before.appliedRevision;
  if (revision < before.revision) return { ...before, appliedRevision };
  return {
    ...before,
    appliedRevision,
    applyState: applied ? 'APPLIED' : 'FAILED',
    applyMessage: message,
    ...(applied ? { toldApplied: revision } : { toldRejected: revision }),
  };
}
