import type { ManagedDocument } from './managed-document.ts';
import type { Head } from './types.ts';

/**
 * Ends the change that a death of the agent interrupted: it is finished, unless it was being taken back or a person wrote to its files since.
 * Answers it where it is in effect now: nobody was told of it yet. Throws what `write` throws; it is
 * taken back then.
 */
export async function settle(document: ManagedDocument): Promise<Head | undefined> {
  return document.run(async () => {
    const change = document.interrupted;
    if (change === undefined) return undefined;
    if (change.undoing || change.files() === 'edited') {
      await change.rollBack();
      return undefined;
    }
    await change.apply();
    return document.head;
  });
}
