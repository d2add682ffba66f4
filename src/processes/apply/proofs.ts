import type { ManagedDocument } from '../../documents/index.ts';

/** What is known of a config's revisions beyond the history: kept with the document. */
export interface Proofs {
  /** Newest revision that proved itself; 0 = none yet. */
  readonly lastGood: number;
  /** Revision that the engine was started with, or took up last; 0 = none of the history (a change by hand). */
  readonly running: number;
}

export function proofsOf({ state }: Pick<ManagedDocument, 'state'>): Proofs {
  const known = typeof state === 'object' && state !== null && !Array.isArray(state) ? (state as Partial<Proofs>) : {};
  return { lastGood: known.lastGood ?? 0, running: known.running ?? 0 };
}

/** Writes down what changed, if anything did. */
export async function noteProofs(document: Pick<ManagedDocument, 'state' | 'saveState'>, patch: Partial<Proofs>): Promise<void> {
  const before = proofsOf(document);
  const next: Proofs = { ...before, ...patch };
  if (next.lastGood === before.lastGood && next.running === before.running) return;
  await document.saveState({ lastGood: next.lastGood, running: next.running });
}
