import { AgentError } from '../kernel/errors.ts';

export interface KeptRange {
  /** Oldest revision kept; one above the newest when there is none. */
  readonly firstKept: () => number;
  /** Newest revision given out. */
  readonly last: () => number;
}

/** Throws REVISION_COMPACTED or REVISION_AHEAD; answers the revision that the watch goes on from. */
export function startingPoint(afterRevision: number | undefined, { firstKept, last }: KeptRange): number {
  if (afterRevision === undefined) return last();
  const first = firstKept();
  if (afterRevision > last()) {
    throw new AgentError('REVISION_AHEAD', `revision ${afterRevision} was never given out: the newest is ${last()}`, {
      metadata: { last_revision: String(last()) },
    });
  }
  if (afterRevision === 0 || afterRevision >= first - 1) return Math.max(afterRevision, first - 1);
  throw new AgentError('REVISION_COMPACTED', `events after revision ${afterRevision} are no longer kept: the first kept is ${first}`, {
    metadata: { first_revision: String(first) },
  });
}
