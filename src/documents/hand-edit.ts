import type { ManagedDocument } from './managed-document.ts';
import type { Head, Texts } from './types.ts';

/** What an editor, a shell's `>` or a full disk leaves for a moment, and nobody means. */
const nothing = /^[\s\uFEFF]*$/;

/** The file that says nothing though it said something before; undefined where there is none. A configuration without keys is `{}`. */
export function isEmptied(texts: Texts, head: Head | undefined): string | undefined {
  const emptied = [...texts].find(([path, text]) => nothing.test(text) && !nothing.test(head?.texts.get(path) ?? ''));
  return emptied?.[0];
}

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
